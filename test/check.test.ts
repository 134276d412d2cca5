import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse, stringify } from 'yaml';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { gatewayForTest } from './support/for-test.ts';
import { http } from './support/http.ts';

const IS_ROOT = process.getuid?.() === 0;
const PROGRAM = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

let directory: string;
let certificates: Certificates;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'statelessd-check-'));
  certificates = makeCertificates();
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  openssl('ecparam', '-genkey', '-name', 'prime256v1', '-out', 'ec.key');
  openssl('rsa', '-aes128', '-passout', 'pass:s3cret', '-in', certificates.key, '-out', 'locked.key');
  writeFileSync(join(directory, 'empty.pem'), '');
  writeFileSync(join(directory, 'text.pem'), 's3cret');
  mkdirSync(join(directory, 'folder'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
  certificates.delete();
});

const at = (name: string): string => join(directory, name);

function file(settings: object | string): string {
  const path = at('statelessd.yaml');
  writeFileSync(path, typeof settings === 'string' ? settings : stringify(settings));
  return path;
}

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (...args: string[]): Promise<Ended> => ofCommand(process.execPath, [PROGRAM, ...args]);

function ofCommand(command: string, args: readonly string[]): Promise<Ended> {
  const options = { timeout: 60_000, env: { PATH: process.env.PATH } };
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (_, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

type Refused = [name: string, settings: () => object, status: number, key: string];

/** Others cannot become anybody else anyway. */
const AS_ROOT: Refused[] = IS_ROOT
  ? [
      ['a user that is not there', () => ({ Daemon: { user: 'no-such-user' } }), 78, 'Daemon.user: '],
      ['a group that is not there', () => ({ Daemon: { group: 'no-such-group' } }), 78, 'Daemon.group: '],
    ]
  : [];

describe('--check and a start', () => {
  const serverTls = (more: object) => ({
    HTTPServer: { tls: { cert: certificates.cert, key: certificates.key, ...more } },
  });
  const clientTls = (more: object) => ({ Application: { rabbitmq: { tls: more } } });

  it.each<Refused>([
    ['a certificate that is not there', () => serverTls({ cert: at('none.pem') }), 78, 'HTTPServer.tls.cert: '],
    ['a certificate that is a directory', () => serverTls({ cert: at('folder') }), 78, 'HTTPServer.tls.cert: '],
    ['an empty certificate', () => serverTls({ cert: at('empty.pem') }), 78, 'HTTPServer.tls.cert: '],
    ['a certificate that is none', () => serverTls({ cert: at('text.pem') }), 78, 'HTTPServer.tls.cert: '],
    ['an empty key', () => serverTls({ key: at('empty.pem') }), 78, 'HTTPServer.tls.key: '],
    ['a key that is none', () => serverTls({ key: at('text.pem') }), 78, 'HTTPServer.tls.key: '],
    ['a key with a passphrase', () => serverTls({ key: at('locked.key') }), 78, 'HTTPServer.tls.key: '],
    ['the key of another certificate', () => serverTls({ key: certificates.clientKey }), 78, 'HTTPServer.tls.key: '],
    ['a key of another kind', () => serverTls({ key: at('ec.key') }), 78, 'HTTPServer.tls.key: '],
    [
      'authorities that are none',
      () => serverTls({ client_ca: at('text.pem'), client_cert: 'required' }),
      78,
      'HTTPServer.tls.client_ca: ',
    ],
    [
      'a broker’s authority that is not there',
      () => clientTls({ ca: at('none.pem') }),
      78,
      'Application.rabbitmq.tls.ca: ',
    ],
    [
      'a broker’s authority that is none',
      () => clientTls({ ca: at('empty.pem') }),
      78,
      'Application.rabbitmq.tls.ca: ',
    ],
    [
      'another’s key for the broker',
      () => clientTls({ cert: certificates.clientCert, key: certificates.key }),
      78,
      'Application.rabbitmq.tls.key: ',
    ],
    ...AS_ROOT,
    ['a pidfile that is a directory', () => ({ Daemon: { pidfile: at('folder') } }), 69, 'Daemon.pidfile: '],
    ['a pidfile below a file', () => ({ Daemon: { pidfile: at('text.pem/x.pid') } }), 69, 'Daemon.pidfile: '],
    [
      'a socket in a directory that is not there',
      () => ({ HTTPServer: { ports: [], sockets: [at('none/0.sock')] } }),
      69,
      'unix:',
    ],
    ['a socket where there is a file', () => ({ HTTPServer: { ports: [], sockets: [at('text.pem')] } }), 69, 'unix:'],
    ['an address of another machine', () => ({ HTTPServer: { address: '192.0.2.1' } }), 69, '192.0.2.1:8000'],
  ])('refuse %s, alike', async (_, settings, status, key) => {
    const path = file(settings());
    const [check, start] = await Promise.all([run('-c', path, '--check'), run('-c', path)]);
    for (const { stderr, stdout } of [check, start]) {
      expect(stderr).toContain(key);
      expect(stderr + stdout).not.toContain('s3cret');
    }
    expect([check.status, start.status]).toEqual([status, status]);
    // The configuration itself is as it should be.
    expect(parse(check.stdout)).toMatchObject(settings());
  });

  it('tell of all of that at once', async () => {
    const path = file({
      Daemon: { user: 'no-such-user', group: 'no-such-group', pidfile: at('folder') },
      HTTPServer: { ports: [], sockets: [at('none/0.sock')], tls: { cert: at('none.pem'), key: at('none.key') } },
    });
    const { status, stderr } = await run('-c', path, '--check');
    expect(status).toBe(78);
    for (const key of [
      'Daemon.user',
      ...(IS_ROOT ? ['Daemon.group'] : []),
      'Daemon.pidfile',
      'unix:',
      'HTTPServer.tls.cert',
      'HTTPServer.tls.key',
    ])
      expect(stderr).toContain(key);
  });

  it('differ while it runs already: its own ports, sockets and pidfile are no reason against a reload', async () => {
    const settings = { daemon: { pidfile: at('run/own.pid') }, http: { sockets: [at('own.sock')] } };
    const gateway = await gatewayForTest(settings);
    const path = file({
      Daemon: settings.daemon,
      HTTPServer: { ports: [gateway.port], sockets: settings.http.sockets },
    });
    const check = await run('-c', path, '--check');
    expect([check.status, check.stderr]).toEqual([0, '']);
    expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
    expect((await http(at('own.sock'), '/healthz', { method: 'GET' })).status).toBe(200);
  });
});

describe('--check by whoever is not root', () => {
  /** Root may write anywhere; the right that is left lets the other one read the program, wherever that is. */
  const becomeNobody = '--reuid nobody --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search --';
  const runAsNobody = (...args: string[]): Promise<Ended> =>
    IS_ROOT ? ofCommand('setpriv', [...becomeNobody.split(' '), process.execPath, PROGRAM, ...args]) : run(...args);

  it('judges a pidfile that is there by itself, and not by its directory', async () => {
    const theirs = join(mkdtempSync(join(tmpdir(), 'statelessd-theirs-')), 'x.pid');
    onTestFinished(() => rmSync(dirname(theirs), { recursive: true }));
    writeFileSync(theirs, '');
    chmodSync(theirs, 0o666);
    chmodSync(dirname(theirs), 0o555);
    const settings = { Daemon: { pidfile: theirs } };
    expect(await runAsNobody('-c', file(settings), '--check')).toMatchObject({ status: 0, stderr: '' });
    chmodSync(theirs, 0o444);
    chmodSync(dirname(theirs), 0o777);
    const path = file(settings);
    for (const args of [
      ['-c', path, '--check'],
      ['-c', path],
    ]) {
      const { status, stderr } = await runAsNobody(...args);
      expect([status, stderr]).toEqual([69, expect.stringMatching(/Daemon\.pidfile: .*EACCES/)]);
    }
  });

  it('is warned about a Daemon.user that is not there, for it cannot become anybody else', async () => {
    const { status, stderr } = await runAsNobody('-c', file({ Daemon: { user: 'no-such-user' } }), '--check');
    expect([status, stderr]).toEqual([
      0,
      'warning: not started as root, so Daemon.user is not changed to user=no-such-user\n',
    ]);
  });
});

describe('what is taken and not used', () => {
  const foreign = `Application:
  cookie_secret: s3cret
  gzip: yes
  paths: {templates: ${join(tmpdir(), 'no-such-folder')}}
`;

  it('is told by --check on standard error, while the configuration in force is whole on standard output', async () => {
    const path = file(foreign);
    const { status, stdout, stderr } = await run('-c', path, '--check');
    expect(status).toBe(0);
    expect(stderr.trimEnd().split('\n')).toEqual([
      `warning: ${path}:2: Application.cookie_secret: not used: no cookie is signed`,
      `warning: ${path}:3: Application.gzip: not used: answers are not compressed; a reverse proxy can do it`,
    ]);
    expect(parse(stdout)).toMatchObject({ HTTPServer: { ports: [8000] } });
    expect(stdout + stderr).not.toContain('s3cret');
    const again = await run('-c', file(stdout), '--check');
    expect([again.status, again.stdout, again.stderr]).toEqual([0, stdout, '']);
  });

  it('is logged once by a start, however many backends it has, and by a reload only if it is new', async () => {
    const gateway = await gatewayForTest({
      ports: 2,
      application: { cookie_secret: 's3cret', wake_interval: 60 },
    });
    const warnings = (): Record<string, unknown>[] =>
      gateway.stderr
        .split('\n')
        .filter((line) => line.includes('"configuration warning"'))
        .map((line) => JSON.parse(line));
    expect(warnings()).toMatchObject([
      {
        level: 'warning',
        logger: 'statelessd',
        key: 'Application.cookie_secret',
        detail: 'not used: no cookie is signed',
      },
      { level: 'warning', key: 'Application.wake_interval', file: expect.stringMatching(/statelessd\.yaml$/) },
    ]);
    const ports = gateway.ports.join(', ');
    await gateway.reconfigure(
      `\nApplication:\n  cookie_secret: s3cret\n  login_url: /login\n  rabbitmq: {host: 127.0.0.1}\nHTTPServer: {ports: [${ports}]}\n`,
    );
    gateway.kill('SIGHUP');
    await gateway.says('"reloaded"');
    expect(warnings().map(({ key, line }) => [key, line])).toEqual([
      ['Application.cookie_secret', expect.any(Number)],
      ['Application.wake_interval', expect.any(Number)],
      ['Application.login_url', 4],
    ]);
    expect(gateway.stderr).not.toContain('s3cret');
  });

  it('on the command line is taken as well: 2013’s -f, -p and -n', async () => {
    const path = file('Application:\n  paths: {static: "{{base}}/static"}\n');
    const { status, stdout, stderr } = await run(
      '-c',
      path,
      '-f',
      '-p',
      '/srv/app',
      '-n',
      '/etc/newrelic.ini',
      '--check',
    );
    expect([status, stderr]).toEqual([
      0,
      'warning: the command line: --newrelic: not used: /metrics has the figures\n',
    ]);
    expect(parse(stdout)).toMatchObject({
      Application: { paths: { base: '/srv/app', static: '/srv/app/static' } },
    });
  });
});

describe('a configuration file that is empty', () => {
  it.each([
    ['', 'no byte'],
    ['# all gone\n', 'comments'],
  ])('of %j is refused by a start, a check and a reload: it may be one that is being written', async (text) => {
    const path = file(text);
    for (const args of [
      ['-c', path],
      ['-c', path, '--check'],
    ])
      expect(await run(...args)).toMatchObject({
        status: 78,
        stderr: expect.stringContaining(`${path}: the file is empty`),
      });
    const gateway = await gatewayForTest();
    await gateway.reconfigure(text);
    gateway.kill('SIGHUP');
    await gateway.says('not reloaded; the old configuration stays');
    expect(gateway.stderr).toContain('the file is empty');
    expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
  });
});

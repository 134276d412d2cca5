import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { claimFreePort } from '../wrangler-free-local/ports.ts';
import { gatewayForTest } from './support/for-test.ts';
import { configuration, type GatewayProcess, type Settings } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { canIsolate } from './support/isolated-machine.ts';
import { Topology } from './support/topology.ts';

const PROGRAM = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

describe('a log file', () => {
  let topology: Topology;
  let directory: string;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'statelessd-log-files-'));
    await chmod(directory, 0o755);
    onTestFinished(() => rm(directory, { recursive: true }));
  });

  const file = (name: string): string => join(directory, name);
  const read = (name: string): Promise<string> => readFile(file(name), 'utf8').catch(() => '');
  const has = (name: string, text: string): Promise<void> =>
    expect.poll(() => read(name), { timeout: 20_000 }).toContain(text);

  /** A handler for the file, and standard error for a test to know that the program is there. */
  const logging = (handler: object): object => ({
    version: 1,
    formatters: { short: { format: '%(name)s|%(processName)s|%(message)s' } },
    handlers: {
      console: { class: 'logging.StreamHandler' },
      file: { class: 'logging.FileHandler', filename: file('log'), formatter: 'short', ...handler },
    },
    loggers: { statelessd: { level: 'INFO', handlers: ['console', 'file'] } },
  });
  const gatewayWith = (settings: Settings): Promise<GatewayProcess> => gatewayForTest(settings);
  const refused = (port: number, id: string): Promise<Answer> =>
    http(port, `/${topology.segment}/missing/k`, {
      user: topology.user,
      body: 'body=x',
      headers: { ...FORM, 'x-request-id': id },
    });
  const posts = (port: number): Promise<Answer> =>
    http(port, `/${topology.segment}/x/k`, { user: topology.user, body: 'body=x', headers: FORM });
  const reload = async (gateway: GatewayProcess, times = 1): Promise<void> => {
    gateway.kill('SIGHUP');
    await gateway.says('reloaded', times);
  };

  it('has whole lines of all processes, after what was in it', async () => {
    await writeFile(file('log'), 'of yesterday\n');
    const gateway = await gatewayWith({ logging: logging({}), ports: 2 });
    const ids = Array.from({ length: 200 }, (_, number) => `${number}-`.padEnd(100, 'x'));
    await Promise.all(ids.map((id, number) => refused(gateway.ports[number % 2] ?? 0, id)));
    await gateway.stop();
    const [first, ...lines] = (await read('log')).trimEnd().split('\n');
    expect(first).toBe('of yesterday');
    expect(
      lines.filter((line) => !/^statelessd(\.rabbitmq)?\|statelessd: (supervisor|backend \d+)\|./.test(line)),
    ).toEqual([]);
    const told = lines.flatMap((line) => /request_id="([^"]*)"/.exec(line)?.[1] ?? []);
    expect(told.toSorted()).toEqual(ids.toSorted());
  });

  it('has a line for each message of a batch that is refused as a whole', async () => {
    const gateway = await gatewayWith({ logging: logging({}), publishing: { publish_timeout: 60 } });
    const batch = Array.from({ length: 10_000 }, (_, number) => ({
      routing_key: `${number}-`.padEnd(60, 'x'),
      body: '',
    }));
    const answer = await http(gateway.port, `/${topology.segment}/missing`, {
      user: topology.user,
      body: JSON.stringify(batch),
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(422);
    await gateway.stop();
    const keys = (await read('log')).match(/routing_key="[^"]*"/g);
    expect(new Set(keys).size).toBe(10_000);
  });

  it('is emptied at a start where its mode says so, and not by a reload', async () => {
    await writeFile(file('log'), 'of yesterday\n');
    const gateway = await gatewayWith({ logging: logging({ mode: 'w' }) });
    await refused(gateway.port, 'before');
    await has('log', 'before');
    await reload(gateway);
    await has('log', 'reloaded');
    expect(await read('log')).toContain('before');
    expect(await read('log')).not.toContain('of yesterday');
  });

  it.each(['logging.handlers.WatchedFileHandler', 'logging.handlers.RotatingFileHandler'])(
    'of a %s is made anew when it is moved',
    async (name) => {
      const gateway = await gatewayWith({ logging: logging({ class: name }) });
      await refused(gateway.port, 'first');
      await has('log', 'first');
      await rename(file('log'), file('log.1'));
      await refused(gateway.port, 'second');
      await has('log', 'second');
      expect(await read('log.1')).not.toContain('second');
    },
  );

  it('that logrotate has moved and made again is the one in use after a reload', async () => {
    const gateway = await gatewayWith({ logging: logging({}) });
    await refused(gateway.port, 'first');
    await has('log', 'first');
    await rename(file('log'), file('log.1'));
    await writeFile(file('log'), '');
    await reload(gateway);
    await refused(gateway.port, 'second');
    await has('log', 'reloaded');
    await has('log', 'second');
    expect(await read('log.1')).not.toContain('second');
    await rm(file('log.1'));
    await reload(gateway, 2);
    await has('log', 'reloaded');
  });

  /** The program with its standard error in a file, and how it ends. */
  const startedInto = async (name: string) => {
    const { port, release } = await claimFreePort();
    onTestFinished(release);
    await writeFile(file('statelessd.yaml'), stringify(configuration({}, [port])));
    const command = `exec "$0" "$1" -c "$2" 2>>"$3"`;
    const args = ['-c', command, process.execPath, PROGRAM, file('statelessd.yaml'), file(name)];
    const child = spawn('sh', args, { stdio: ['ignore', 'inherit', 'ignore'] });
    const exited = once(child, 'exit');
    onTestFinished(async () => {
      child.kill('SIGTERM');
      await exited;
    });
    await has(name, 'listening on');
    return { child, exited, port };
  };

  it('that standard error goes to is the one at its path after a reload', async () => {
    const { child, exited, port } = await startedInto('log');
    await rename(file('log'), file('log.1'));
    await writeFile(file('log'), '');
    child.kill('SIGHUP');
    await has('log', '"message":"reloaded"');
    await refused(port, 'of-the-new-backend');
    await has('log', 'of-the-new-backend');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(await read('log')).toContain('stopping');
    expect(await read('log.1')).not.toContain('reloaded');
  });

  it('that standard error goes to stays where no other can be at its path', async () => {
    await mkdir(file('folder'));
    const { child, exited } = await startedInto('folder/log');
    await rename(file('folder'), file('moved'));
    await writeFile(file('folder'), 'no folder');
    child.kill('SIGHUP');
    await has('moved/log', '"message":"reloaded"');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('in a directory that is missing is warned about once by each process, and written when there is one', async () => {
    const gateway = await gatewayWith({ logging: logging({ filename: file('later/log') }) });
    expect((await posts(gateway.port)).status).toBe(204);
    await refused(gateway.port, 'early');
    await gateway.says('a log sink cannot be reached', 2);
    const warnings = gateway.stderr.split('\n').filter((line) => line.includes('cannot be reached'));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain(`${file('later/log')}: its directory does not exist`);
    await mkdir(file('later'));
    await has('later/log', 'early');
    await has('later/log', 'listening on');
    await gateway.says('a log sink is reached again', 2);
  });

  it('that nobody may make any more goes on where it was moved to', async () => {
    const watched = { class: 'logging.handlers.WatchedFileHandler', filename: file('moved/log') };
    await mkdir(file('moved'));
    const gateway = await gatewayWith({ logging: logging(watched) });
    await has('moved/log', 'listening on');
    await rename(file('moved'), file('elsewhere'));
    await refused(gateway.port, 'meanwhile');
    await has('elsewhere/log', 'meanwhile');
    await gateway.says('its directory does not exist; the moved file is written');
    await mkdir(file('moved'));
    await refused(gateway.port, 'afterwards');
    await has('moved/log', 'afterwards');
  });

  it('that is a named pipe without a reader holds nothing up, and is written once somebody reads', async () => {
    execFileSync('mkfifo', [file('pipe')]);
    const gateway = await gatewayWith({ logging: logging({ filename: file('pipe') }) });
    await gateway.says(`${file('pipe')}: nobody reads it`);
    await refused(gateway.port, 'to-be-read');
    const reader = spawn('cat', [file('pipe')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    reader.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await expect.poll(() => said, { timeout: 20_000 }).toContain('to-be-read');
    const ended = once(reader, 'exit');
    await gateway.stop();
    await ended;
  });

  it('without room is warned about, and nothing else suffers', async () => {
    const gateway = await gatewayWith({ logging: logging({ filename: '/dev/full' }) });
    await gateway.says('/dev/full: no space is left on the device');
    await refused(gateway.port, 'lost');
    expect((await posts(gateway.port)).status).toBe(204);
    await reload(gateway);
    expect((await posts(gateway.port)).status).toBe(204);
    expect(await gateway.stop()).toBe(0);
  });

  it.runIf(process.getuid?.() === 0)('that root makes belongs to those who write it', async () => {
    await chmod(directory, 0o755);
    const gateway = await gatewayWith({ logging: logging({}), daemon: { user: 'nobody' } });
    await refused(gateway.port, 'as-nobody');
    await has('log', 'as-nobody');
    expect((await stat(file('log'))).uid).toBe(65534);
    await rename(file('log'), file('log.1'));
    await reload(gateway);
    await refused(gateway.port, 'again');
    await has('log', 'again');
    expect((await stat(file('log'))).uid).toBe(65534);
    expect(gateway.stderr).not.toContain('cannot be reached');
  });

  describe.runIf(process.getuid?.() === 0)('in a directory of those who write it, where they lay a link,', () => {
    const NOBODY = 65534;
    /** A directory that only root may write, with a file. The one of the log is theirs. */
    async function layOut(): Promise<string> {
      const precious = await mkdtemp(join(tmpdir(), 'statelessd-precious-'));
      onTestFinished(() => rm(precious, { recursive: true }));
      await chmod(precious, 0o755);
      await writeFile(join(precious, 'file'), 'precious', { mode: 0o644 });
      await chown(directory, NOBODY, NOBODY);
      return precious;
    }

    it.each([
      ['to a file of root’s', 'log', 'file'],
      ['to where root could make a file', 'log', 'not-there'],
      ['to a directory of root’s', 'folder/log', ''],
    ])('%s, has root write nothing there, nor empty it, nor give it away', async (_, name, target) => {
      const precious = await layOut();
      await symlink(join(precious, target), file(name.split('/')[0] ?? ''));
      const gateway = await gatewayWith({
        logging: logging({ filename: file(name), mode: 'w' }),
        daemon: { user: 'nobody' },
      });
      await gateway.says('a log sink cannot be reached');
      expect((await posts(gateway.port)).status).toBe(204);
      await refused(gateway.port, 'nowhere');
      await reload(gateway);
      expect(await readdir(precious)).toEqual(['file']);
      expect(await readFile(join(precious, 'file'), 'utf8')).toBe('precious');
      expect((await stat(join(precious, 'file'))).uid).toBe(0);
    });
  });

  it('is written again when there is room again, and tells how much it has lost', async () => {
    if (!canIsolate()) return;
    const mount = file('mount');
    await mkdir(mount);
    // The fill is taken away by whoever may enter the same namespace.
    const script = 'mount -t tmpfs -o size=32k none "$0" && head -c 32k /dev/zero >"$0/fill"; exec "$@"';
    const gateway = await gatewayWith({
      logging: logging({ filename: join(mount, 'log') }),
      through: ['unshare', '--mount', 'sh', '-c', script, mount],
    });
    await gateway.says(`${join(mount, 'log')}: no space is left on the device`);
    await refused(gateway.port, 'without-room');
    const there = (...command: string[]): string =>
      execFileSync('nsenter', ['--target', String(gateway.pid), '--mount', '--', ...command], { encoding: 'utf8' });
    there('rm', join(mount, 'fill'));
    await gateway.says('a log sink is reached again', 2);
    const lines = there('cat', join(mount, 'log')).trimEnd().split('\n');
    expect(lines.filter((line) => line.includes('without-room'))).toHaveLength(1);
    expect(lines.filter((line) => !/^statelessd(\.rabbitmq)?\|/.test(line))).toEqual([]);
  });

  it('has one line for a request whose names hold what would begin others', async () => {
    const gateway = await gatewayWith({ logging: logging({}) });
    const key = encodeURIComponent('\u202eevil\u2066\u2028end');
    await http(gateway.port, `/${topology.segment}/missing/${key}`, {
      user: topology.user,
      body: 'body=x',
      headers: FORM,
    });
    await has('log', 'routing_key="\\u202eevil\\u2066\\u2028end"');
    await gateway.says('routing_key="\\u202eevil\\u2066\\u2028end"');
  });
});

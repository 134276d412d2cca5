import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ClaimedPort, claimFreePort } from '../wrangler-free-local/ports.ts';
import { FORM, http } from './support/http.ts';
import { canIsolate, IsolatedMachine } from './support/isolated-machine.ts';
import { statusOf } from './support/processes.ts';
import { SyslogReceiver } from './support/syslog-receiver.ts';
import { Topology } from './support/topology.ts';

const FIXTURE = new URL('fixtures/statelessd-2013.yaml', import.meta.url).pathname;
const sample = readFileSync(FIXTURE, 'utf8');
const program = new URL('../dist/cli.js', import.meta.url).pathname;

describe('the configuration file of 2013', () => {
  let topology: Topology;
  let claims: ClaimedPort[];
  let directory: string;
  let file: string;
  let pidfile: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    claims = await Promise.all(Array.from({ length: 5 }, claimFreePort));
    directory = mkdtempSync(join(tmpdir(), 'statelessd-2013-'));
    file = join(directory, 'statelessd.yaml');
    pidfile = join(directory, 'run', 'statelessd.pid');
    const adapted = sample
      .replace('[8000, 8001, 8002, 8003, 8004]', `[${claims.map(({ port }) => port).join(', ')}]`)
      .replace('port: 5672', `port: ${topology.broker.port}`)
      .replace('user: nginx', 'user: nobody')
      .replace('/var/run/statelessd/statelessd.pid', pidfile);
    writeFileSync(file, adapted);
  });
  afterAll(async () => {
    for (const claim of claims) claim.release();
    rmSync(directory, { recursive: true });
    await topology.delete();
  });

  it('runs: publishes on every port, with its own routes, and writes its pidfile', async () => {
    const child = spawn(process.execPath, [program, '-c', file], { stdio: ['ignore', 'inherit', 'pipe'] });
    const exited = once(child, 'exit');
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    while (said.split('listening on').length <= claims.length) {
      if (child.exitCode !== null) throw new Error(said);
      await Promise.race([once(child.stderr, 'data'), exited]);
    }
    expect(readFileSync(pidfile, 'utf8')).toBe(`${child.pid}\n`);
    for (const { port } of claims) {
      for (const key of ['foo.bar.baz', '']) {
        const path = `/${topology.segment}/x/${key}`;
        expect((await http(port, path, { user: topology.user, body: 'body=x', headers: FORM })).status).toBe(204);
      }
      expect((await http(port, '/stats', { method: 'GET' })).status).toBe(200);
      expect((await http(port, '/', { method: 'GET' })).status).toBe(200);
      expect((await http(port, '/healthz', { method: 'GET' })).status).toBe(200);
    }
    expect((await topology.drain()).map(({ fields }) => fields.routingKey).toSorted()).toEqual([
      ...Array(5).fill(''),
      ...Array(5).fill('foo.bar.baz'),
    ]);
    // As Tinman had it: each request, under its own logger.
    const answered = (): string[] =>
      said.split('\n').filter((line) => /^INFO .* tinman\.application .*status=204 /.test(line));
    await expect.poll(answered, { timeout: 20_000 }).toHaveLength(2 * claims.length);
    const second = spawnSync(process.execPath, [program, '-c', file], { encoding: 'utf8' });
    expect([second.status, second.stderr]).toEqual([69, expect.stringContaining(`process ${child.pid} runs already`)]);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(existsSync(pidfile)).toBe(false);
  });

  it('is not kept from starting by the pidfile of a process that is gone', async () => {
    const { pid } = spawnSync('true');
    writeFileSync(pidfile, `${pid}\n`);
    const child = spawn(process.execPath, [program, '-c', file], { stdio: ['ignore', 'inherit', 'pipe'] });
    const exited = once(child, 'exit');
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('runs unmodified as root, where there is an nginx user and a syslog socket, and logs as its formatters say', async () => {
    if (!canIsolate()) {
      // Whether this machine has the user and the directory is another question.
      const check = spawnSync(process.execPath, [program, '-c', FIXTURE, '--check'], { encoding: 'utf8' });
      expect(check.stdout).toContain('ports: [8000, 8001, 8002, 8003, 8004]');
      return;
    }
    const syslog = await SyslogReceiver.start();
    onTestFinished(() => syslog.close());
    const machine = await IsolatedMachine.start(syslog.socket, topology.broker.port);
    onTestFinished(() => machine.close());
    const child = machine.spawn([process.execPath, program, '-c', FIXTURE]);
    const exited = once(child, 'exit');
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await expect.poll(() => said.split('listening on').length - 1, { timeout: 20_000 }).toBe(5);

    const { username, password } = topology.user;
    const curl = (port: number, exchange: string): Promise<string> =>
      machine.run(
        ...['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-u', `${username}:${password}`, '-d', 'body=x'],
        ...['-H', 'X-Request-Id: of-2013', `http://localhost:${port}/${topology.segment}/${exchange}/k`],
      );
    await topology.drain();
    for (const port of [8000, 8001, 8002, 8003, 8004]) expect(await curl(port, 'x')).toBe('204');
    expect(await topology.drain()).toHaveLength(5);
    expect(await curl(8004, 'missing')).toBe('404');

    const supervisor = Number(await machine.run('cat', '/var/run/statelessd/statelessd.pid'));
    const nginx = (await machine.run('id', '-u', 'nginx')).trim();
    const backends = (await machine.run('pgrep', '-P', String(supervisor), '-f', 'backend'))
      .trim()
      .split('\n')
      .map(Number);
    expect(statusOf(supervisor).Uid).toMatch(/^0\t/);
    expect(backends.map((pid) => statusOf(pid).Uid?.split('\t')[0])).toEqual(Array(5).fill(nginx));

    await expect.poll(() => syslog.received(), { timeout: 20_000 }).toContain('of-2013');
    const failure =
      `not published port=8004 request_id="of-2013" vhost="${topology.vhost}" user="${username}" exchange="missing" ` +
      'routing_key="k" status=404 outcome="exchange-not-found; published=no"';
    const onConsole = said.split('\n').find((line) => line.includes('of-2013')) ?? '';
    // %(levelname) -10s %(asctime)s %(process)-6d %(processName) -35s %(threadName) -25s %(name) -35s %(funcName) -30s: %(message)s
    const columns =
      /^(.{10}) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (.{6,}?) (statelessd: .{23}) (.{25}) (.{35}) (.{30}): (.*)$/.exec(
        onConsole,
      );
    expect(columns?.slice(1).map((column) => column.trimEnd())).toEqual([
      'WARNING',
      expect.any(String),
      expect.stringMatching(/^\d+$/),
      'statelessd: backend 8004',
      expect.any(String),
      'statelessd',
      expect.any(String),
      failure,
    ]);
    const received = (await syslog.received()).split('\n').filter((line) => line.includes('of-2013'));
    expect(received).toEqual([
      expect.stringMatching(
        /^daemon\.warning\|.* WARNING <PID \d+:statelessd: backend 8004> statelessd\.\S*\(\): not published /,
      ),
    ]);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});

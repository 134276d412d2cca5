import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, statSync, symlinkSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { claimFreePort, isPortTaken } from '../wrangler-free-local/ports.ts';
import { makeCertificates } from './support/certificates.ts';
import { gatewayForTest } from './support/for-test.ts';
import { configuration, type GatewayProcess, type Settings } from './support/gateway.ts';
import { basic, FORM, http, keepAliveAgent } from './support/http.ts';
import { Load, lost } from './support/load.ts';
import { backendOn, backendsOf, backendsOn, ended, isAlive, statusOf } from './support/processes.ts';
import { sharedBroker, Topology } from './support/topology.ts';

/** For tests of what becomes of connections, on a machine so busy that a first login takes long. */
const PATIENT = { publish_timeout: 30 };

const IS_ROOT = process.getuid?.() === 0;
const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const PROGRAM = `${DIST}cli.js`;

describe('the processes', () => {
  let topology: Topology;
  let path: string;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    path = `/${topology.segment}/x/k`;
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(() => topology.delete());

  /** Started for one test, and stopped with it. */
  async function start(settings: Settings = {}): Promise<GatewayProcess> {
    const gateway = await gatewayForTest(settings);
    return gateway;
  }

  async function temporaryDirectory(): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-test-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    return directory;
  }

  const post = (target: number | string) => http(target, path, { user: topology.user, body: 'body=x', headers: FORM });

  /** A request that the gateway has said `100 Continue` to, and that waits with its body. */
  async function takenRequest(port: number, length: number): Promise<ClientRequest> {
    const headers = { ...FORM, authorization: basic(topology.user), expect: '100-continue', 'content-length': length };
    const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', agent: false, headers });
    outgoing.flushHeaders();
    await once(outgoing, 'continue');
    return outgoing;
  }

  /** What a start that must fail ends with. The configuration comes from the environment. */
  const startThatFails = (http: Record<string, string>) =>
    spawnSync(process.execPath, [PROGRAM], {
      encoding: 'utf8',
      timeout: 30_000,
      env: {
        PATH: process.env.PATH,
        STATELESSD__APPLICATION__RABBITMQ__HOST: '127.0.0.1',
        STATELESSD__APPLICATION__RABBITMQ__PORT: String(sharedBroker().port),
        ...Object.fromEntries(Object.entries(http).map(([key, value]) => [`STATELESSD__HTTPSERVER__${key}`, value])),
      },
    });

  it('share the load of eight ports', async () => {
    const gateway = await start({ ports: 8, publishing: PATIENT });
    const agent = keepAliveAgent(100);
    onTestFinished(() => agent.destroy());
    const load = new Load(topology, { ports: gateway.ports, clients: 4, agent });
    await load.confirms(20, gateway.ports);
    const attempts = await load.stop();
    expect(attempts.filter(({ status }) => status !== 204)).toEqual([]);
    expect(await lost(topology, attempts)).toEqual([]);
    expect(new Set(backendsOf(gateway.pid).map(({ pid }) => pid)).size).toBe(8);
    for (const port of gateway.ports) {
      const stats = JSON.parse((await http(port, '/stats', { method: 'GET' })).text);
      const served = attempts.filter((attempt) => attempt.port === port).length;
      expect([stats.port, stats.requests['response.204']]).toEqual([port, served]);
    }
  });

  it('replace a backend killed with SIGKILL under load', async () => {
    const gateway = await start({ ports: 8, publishing: PATIENT });
    const agent = keepAliveAgent(100);
    onTestFinished(() => agent.destroy());
    const load = new Load(topology, { ports: gateway.ports, clients: 4, agent });
    await load.confirms(20, gateway.ports);
    const [port = 0, ...others] = gateway.ports;
    const victim = backendOn(gateway.pid, port);
    process.kill(victim.pid, 'SIGKILL');
    await gateway.says('a backend died and is replaced');
    await load.confirms(20, gateway.ports);
    const attempts = await load.stop();

    expect(backendOn(gateway.pid, port).pid).not.toBe(victim.pid);
    const failed = attempts.filter(({ status }) => status !== 204);
    expect(failed.filter((attempt) => others.includes(attempt.port))).toEqual([]);
    // Those whose connections died with it saw that; everyone after them waited.
    expect(failed.filter(({ status, failure }) => status !== undefined || failure === 'ECONNREFUSED')).toEqual([]);
    expect(failed.length).toBeLessThanOrEqual(4);
    expect(await lost(topology, attempts)).toEqual([]);
  });

  it('wait longer each time before they replace a backend that cannot stay alive', async () => {
    const gateway = await start();
    const deaths = 3;
    for (let death = 1; death <= deaths; death += 1) {
      process.kill(backendOn(gateway.pid, gateway.port).pid, 'SIGKILL');
      await gateway.says('a backend died and is replaced', death);
      await expect.poll(() => backendsOn(gateway.pid, gateway.port), { timeout: 20_000 }).toHaveLength(1);
    }
    const waits = gateway.stderr.split('\n').flatMap((line) => /"in_ms":(\d+)/.exec(line)?.slice(1).map(Number) ?? []);
    expect(waits).toHaveLength(deaths);
    expect(waits).toEqual([...new Set(waits)].sort((a, b) => a - b));
    expect((await post(gateway.port)).status).toBe(204);
  });

  describe('on SIGTERM', () => {
    it('answer every request that got through under load, and lose nothing that they confirmed', async () => {
      const gateway = await start({ ports: 8, publishing: PATIENT });
      const agent = keepAliveAgent(200);
      onTestFinished(() => agent.destroy());
      const loads = [
        new Load(topology, { ports: gateway.ports, clients: 8, agent }),
        new Load(topology, { ports: gateway.ports, clients: 8 }),
      ];
      await Promise.all(loads.map((load) => load.confirms(20, gateway.ports)));
      gateway.kill('SIGTERM');
      const { code } = await gateway.exited;
      const attempts = (await Promise.all(loads.map((load) => load.stop()))).flat();
      expect(code).toBe(0);
      expect(attempts.filter(({ taken, failure }) => taken && failure !== undefined)).toEqual([]);
      expect(attempts.filter(({ status }) => status !== undefined && status !== 204)).toEqual([]);
      expect(await lost(topology, attempts)).toEqual([]);
    });

    it('answer every request whose body is still on its way', async () => {
      const gateway = await start({ ports: 2 });
      const requests = await Promise.all(
        gateway.ports.flatMap((port) => Array.from({ length: 60 }, () => takenRequest(port, 6))),
      );
      gateway.kill('SIGTERM');
      await gateway.says('stopping');
      const answers = await Promise.all(
        requests.map(async (outgoing) => {
          outgoing.end('body=x');
          const [response] = await once(outgoing, 'response');
          await text(response);
          return [response.statusCode, response.headers.connection];
        }),
      );
      expect(new Set(answers.map(String))).toEqual(new Set(['204,close']));
      expect(await gateway.exited).toEqual({ code: 0, signal: null });
      expect(await topology.drain()).toHaveLength(120);
    });

    it('answer clients whom the kernel has let in and they have not', async () => {
      const gateway = await start();
      expect((await post(gateway.port)).status).toBe(204);
      await topology.drain();
      const backend = backendOn(gateway.pid, gateway.port);
      process.kill(backend.pid, 'SIGSTOP');
      onTestFinished(() => void (isAlive(backend.pid) && process.kill(backend.pid, 'SIGCONT')));
      gateway.kill('SIGTERM');
      await gateway.says('stopping');
      const clients = await Promise.all(Array.from({ length: 50 }, () => connected(gateway.port)));
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic(topology.user)}\r\n`;
      const answers = clients.map((socket) => {
        socket.write(`${head}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi`);
        return text(socket).then(
          (answer) => answer.split('\r\n')[0],
          (error: NodeJS.ErrnoException) => error.code,
        );
      });
      process.kill(backend.pid, 'SIGCONT');
      expect(new Set(await Promise.all(answers))).toEqual(new Set(['HTTP/1.1 204 No Content']));
      expect((await gateway.exited).code).toBe(0);
      expect(await topology.drain()).toHaveLength(50);
    });

    it('answer 408 to what has not arrived within drain_timeout, and still exit 0', async () => {
      const gateway = await start({ http: { drain_timeout: 0.2 } });
      const outgoing = await takenRequest(gateway.port, 6);
      const answered = once(outgoing, 'response');
      gateway.kill('SIGTERM');
      const [response] = await answered;
      expect(response.statusCode).toBe(408);
      await text(response);
      expect((await gateway.exited).code).toBe(0);
    });

    it('go on as before for shutdown_delay, but for /readyz, and then drain', async () => {
      const socket = join(await temporaryDirectory(), 'a.sock');
      const gateway = await start({ http: { shutdown_delay: 600, sockets: [socket] } });
      const agent = keepAliveAgent(1);
      onTestFinished(() => agent.destroy());
      for (const door of [gateway.port, socket])
        expect((await http(door, '/readyz', { method: 'GET' })).status).toBe(200);
      gateway.kill('SIGTERM');
      await gateway.says('stopping');
      for (const door of [gateway.port, socket]) {
        const ready = async () => (await http(door, '/readyz', { method: 'GET' }, agent)).status;
        await expect.poll(ready).toBe(503);
        const { draining, reason } = JSON.parse((await http(door, '/readyz', { method: 'GET' })).text);
        expect([draining, reason]).toEqual([true, 'draining']);
        const answer = await http(door, path, { user: topology.user, body: 'body=x', headers: FORM }, agent);
        expect([answer.status, answer.headers.connection]).toEqual([204, 'keep-alive']);
      }
      // One that takes the place of another knows of it.
      process.kill(backendOn(gateway.pid, gateway.port).pid, 'SIGKILL');
      await gateway.says('a backend died and is replaced');
      const ready = async () => (await http(gateway.port, '/readyz', { method: 'GET' })).status;
      await expect.poll(ready, { timeout: 20_000 }).toBe(503);
      gateway.kill('SIGTERM');
      expect((await gateway.exited).code).toBe(70);
    });

    it('drain when shutdown_delay is over', async () => {
      const gateway = await start({ http: { shutdown_delay: 3 } });
      gateway.kill('SIGTERM');
      await gateway.says('stopping');
      expect((await post(gateway.port)).status).toBe(204);
      expect(await gateway.exited).toEqual({ code: 0, signal: null });
      await expect(post(gateway.port)).rejects.toThrow('ECONNREFUSED');
    });

    it('end at once on a second one', async () => {
      const gateway = await start({ http: { drain_timeout: 600, request_timeout: 600 } });
      const backend = backendOn(gateway.pid, gateway.port);
      const outgoing = await takenRequest(gateway.port, 6);
      const cut = once(outgoing, 'error');
      gateway.kill('SIGTERM');
      await gateway.says('stopping');
      gateway.kill('SIGTERM');
      expect((await gateway.exited).code).not.toBe(0);
      await cut;
      await ended(backend.pid);
    });
  });

  it('end with a supervisor that is killed', async () => {
    const gateway = await start({ ports: 3 });
    const agent = keepAliveAgent(3);
    onTestFinished(() => agent.destroy());
    for (const port of gateway.ports) await http(port, path, { user: topology.user, body: 'x' }, agent);
    const backends = backendsOf(gateway.pid);
    expect(backends).toHaveLength(3);
    gateway.kill('SIGKILL');
    await gateway.exited;
    for (const { pid } of backends) await ended(pid);
  });

  it('serve a port together where it has two workers', async () => {
    const gateway = await start({ http: { workers: 2 } });
    const workers = backendsOn(gateway.pid, gateway.port);
    expect(workers).toHaveLength(2);
    // While one of them is frozen, whoever answers is the other.
    for (const { pid } of workers) {
      process.kill(pid, 'SIGSTOP');
      try {
        expect((await post(gateway.port)).status).toBe(204);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
    }
  });

  describe('on a Unix socket', () => {
    it('serve curl', async () => {
      const socket = join(await temporaryDirectory(), 'a.sock');
      const gateway = await start({ ports: 0, http: { sockets: [socket] } });
      const { username, password } = topology.user;
      const url = `http://${username}:${password}@localhost${path}`;
      execFileSync('curl', ['--silent', '--show-error', '--fail', '--unix-socket', socket, '-d', 'body=hi', url]);
      expect((await topology.only()).content.toString()).toBe('hi');
      const stats = JSON.parse((await http(socket, '/stats', { method: 'GET' })).text);
      expect(stats.port).toBe(socket);
      expect(backendsOf(gateway.pid)).toHaveLength(1);
    });

    it('serve any user of the machine', async () => {
      const socket = join(await temporaryDirectory(), 'a.sock');
      await start({ ports: 0, http: { sockets: [socket] } });
      expect(statSync(socket).mode & 0o777).toBe(0o666);
    });

    it('replace the file of a gateway that was killed', async () => {
      const socket = join(await temporaryDirectory(), 'a.sock');
      const killed = await start({ ports: 0, http: { sockets: [socket] } });
      const backends = backendsOf(killed.pid);
      killed.kill('SIGKILL');
      for (const { pid } of backends) await ended(pid);
      expect(existsSync(socket)).toBe(true);
      await start({ ports: 0, http: { sockets: [socket] } });
      expect((await post(socket)).status).toBe(204);
    });

    it('do not take the place of a gateway that lives', async () => {
      const socket = join(await temporaryDirectory(), 'a.sock');
      await start({ ports: 0, http: { sockets: [socket] } });
      const { status, stderr } = startThatFails({ PORTS: '[]', SOCKETS: socket });
      expect([status, stderr]).toEqual([69, expect.stringContaining(`unix:${socket}`)]);
      expect((await post(socket)).status).toBe(204);
    });
  });

  it('leave a file alone that stands where a socket is to be, and the old configuration in force', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'precious');
    await writeFile(file, 'precious');
    const gateway = await start();
    for (const path of [file, directory]) {
      await gateway.reconfigure(JSON.stringify(configuration({ http: { sockets: [path] } }, gateway.ports)));
      gateway.kill('SIGHUP');
      await gateway.says(`cannot listen on unix:${path}`);
    }
    expect(await readFile(file, 'utf8')).toBe('precious');
    expect((await post(gateway.port)).status).toBe(204);
  });

  it('become Daemon.user, and serve what only root may open: a port below 1024, with a key of its own', async () => {
    if (!IS_ROOT) return staysWhoItIs(await start({ daemon: { user: 'root' } }));
    const certificates = makeCertificates();
    onTestFinished(() => certificates.delete());
    chmodSync(certificates.key, 0o600);
    const port = await freePrivilegedPort();
    const { ca, cert, key } = certificates;
    const http = { ports: [port], address: '127.0.0.1', tls: { cert, key } };
    const gateway = await start({ ports: 0, daemon: { user: 'nobody' }, http });

    const [backend, ...others] = backendsOn(gateway.pid, port);
    expect(others).toEqual([]);
    const { Uid, Gid, Groups } = statusOf(backend?.pid ?? 0);
    expect(Uid?.split('\t')).toEqual(Array(4).fill(idOf('-u', 'nobody')));
    expect(Gid?.split('\t')).toEqual(Array(4).fill(idOf('-g', 'nobody')));
    expect(Groups?.trim().split(' ').sort()).toEqual(idOf('-G', 'nobody').split(' ').sort());
    expect(statusOf(gateway.pid).Uid).toBe('0\t0\t0\t0');

    const { username, password } = topology.user;
    const url = `https://${username}:${password}@localhost:${port}${path}`;
    execFileSync('curl', ['--silent', '--show-error', '--fail', '--cacert', ca, '-d', 'body=hi', url]);
    expect((await topology.only()).content.toString()).toBe('hi');

    // The one that takes its place is nobody, too.
    process.kill(backend?.pid ?? 0, 'SIGKILL');
    await gateway.says('a backend died and is replaced');
    execFileSync('curl', ['--silent', '--show-error', '--fail', '--cacert', ca, '-d', 'body=hi', url]);
    expect(statusOf(backendsOn(gateway.pid, port)[0]?.pid ?? 0).Uid).toBe(Uid);
  });

  it('answer everything as Daemon.user, from a program that only root can read and that is gone at last', async () => {
    if (!IS_ROOT) return staysWhoItIs(await start({ daemon: { user: 'root' } }));
    const directory = await temporaryDirectory();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    cpSync(DIST, join(directory, 'dist'), { recursive: true });
    cpSync(new URL('../package.json', import.meta.url), join(directory, 'package.json'));
    symlinkSync(new URL('../node_modules', import.meta.url), join(directory, 'node_modules'));
    const through = ['sh', '-c', `exec "$0" "${join(directory, 'dist/cli.js')}" "$2" "$3"`];
    const gateway = await start({ daemon: { user: 'nobody' }, through });
    const pages = [
      '/',
      '/static/dashboard.js',
      '/static/dashboard.css',
      '/static/icon.svg',
      '/metrics',
      '/openapi.json',
    ];
    let refused = 0;
    const answersEverything = async (): Promise<void> => {
      for (const page of [...pages, '/stats?scope=all'])
        expect([page, (await http(gateway.port, page, { method: 'GET' })).status]).toEqual([page, 200]);
      expect((await post(gateway.port)).status).toBe(204);
      const missing = await http(gateway.port, `/${topology.segment}/missing/k`, { user: topology.user, body: 'x' });
      expect(missing.status).toBe(404);
      refused += 1;
      await gateway.says('"not published"', refused);
    };
    await answersEverything();
    gateway.kill('SIGHUP');
    await gateway.says('"reloaded"');
    await answersEverything();
    process.kill(backendOn(gateway.pid, gateway.port).pid, 'SIGKILL');
    await gateway.says('a backend died and is replaced');
    await answersEverything();
    await rm(join(directory, 'dist'), { recursive: true });
    await answersEverything();
  });

  it.each(['root', 'no-such-user'])('say so where they may not become Daemon.user, and serve: %s', async (user) => {
    // The one right that is left lets it read the program, wherever that is.
    const asNobody = 'setpriv --reuid nobody --clear-groups --inh-caps +dac_override --ambient-caps +dac_override --';
    await staysWhoItIs(await start({ daemon: { user }, ...(IS_ROOT && { through: asNobody.split(' ') }) }));
  });

  async function staysWhoItIs(gateway: GatewayProcess): Promise<void> {
    expect(gateway.stderr).toContain('not started as root, so Daemon.user is not changed to');
    const { Uid } = statusOf(backendOn(gateway.pid, gateway.port).pid);
    expect([Uid, Uid?.startsWith('0')]).toEqual([statusOf(gateway.pid).Uid, false]);
    expect((await post(gateway.port)).status).toBe(204);
  }

  it('start all or none: one address that is taken is named, exit code 69, and the others stay free', async () => {
    const gateway = await start({ http: { address: '127.0.0.1' } });
    const claim = await claimFreePort();
    onTestFinished(claim.release);
    const free = claim.port;
    const { status, stderr } = startThatFails({ PORTS: `${free},${gateway.port}`, ADDRESS: '127.0.0.1' });
    expect([status, stderr]).toEqual([69, expect.stringContaining(`127.0.0.1:${gateway.port}`)]);
    expect(await isPortTaken(free, '127.0.0.1')).toBe(false);
    expect((await post(gateway.port)).status).toBe(204);
  });
});

const idOf = (option: string, user: string): string => execFileSync('id', [option, user], { encoding: 'utf8' }).trim();

async function freePrivilegedPort(): Promise<number> {
  for (let port = 1023; port > 600; port -= 1) if (!(await isPortTaken(port, '127.0.0.1'))) return port;
  throw new Error('no free port below 1024');
}

function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  return once(socket, 'connect').then(() => socket);
}

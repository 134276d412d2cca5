import { lookup } from 'node:dns/promises';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ClaimedPort, claimFreePort } from '../wrangler-free-local/ports.ts';
import { gatewayForTest } from './support/for-test.ts';
import { configuration, type GatewayProcess, type Settings } from './support/gateway.ts';
import { basic, FORM, http, keepAliveAgent } from './support/http.ts';
import { canIsolate } from './support/isolated-machine.ts';
import { Load, lost } from './support/load.ts';
import { backendsOf } from './support/processes.ts';
import { Topology } from './support/topology.ts';

/** On a busy machine a first login may take long, which is no matter here. */
const PATIENT = { publish_timeout: 30 };

describe('the gateway listens', () => {
  let topology: Topology;
  let path: string;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    path = `/${topology.segment}/x/k`;
  });
  afterAll(() => topology.delete());

  async function start(settings: Settings = {}): Promise<GatewayProcess> {
    const gateway = await gatewayForTest({ publishing: PATIENT, ...settings });
    return gateway;
  }

  const post = (port: number) => http(port, path, { user: topology.user, body: 'body=x', headers: FORM });

  /** What a post to this address comes to: a status line, or the system's error. */
  const postTo = (host: string, port: number): Promise<string> => {
    const socket = connect(port, host);
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ${basic(topology.user)}\r\n`;
    socket.write(`${head}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi`);
    return text(socket).then(
      (answer) => answer.split('\r\n')[0] ?? '',
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    );
  };

  /** A command that becomes a program for which localhost is what its file of hosts says, as on most machines. */
  async function withLocalhostOfBoth(): Promise<readonly string[]> {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-test-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const hosts = join(directory, 'hosts');
    await writeFile(hosts, '127.0.0.1 localhost\n::1 localhost\n');
    const mount = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
    return canIsolate() ? ['unshare', '--mount', 'sh', '-c', mount, 'sh', hosts] : [];
  }

  const addressesOfLocalhost = async (): Promise<readonly string[]> =>
    canIsolate() ? ['127.0.0.1', '::1'] : (await lookup('localhost', { all: true })).map(({ address }) => address);

  const PUBLISHED = 'HTTP/1.1 204 No Content';

  it('on every address of a name, with one backend', async () => {
    const gateway = await start({ http: { address: 'localhost' }, through: await withLocalhostOfBoth() });
    for (const address of await addressesOfLocalhost())
      expect([address, await postTo(address, gateway.port)]).toEqual([address, PUBLISHED]);
    expect(backendsOf(gateway.pid)).toHaveLength(1);
    expect(await gateway.stop()).toBe(0);
  });

  it('on other addresses of the same port after a reload, which fails no request on connections that are open', async () => {
    const gateway = await start({ http: { address: '::' }, through: await withLocalhostOfBoth() });
    const agent = keepAliveAgent(4);
    onTestFinished(() => agent.destroy());
    const load = new Load(topology, { ports: [gateway.port], clients: 4, agent });
    const reached = {
      '::': [PUBLISHED, PUBLISHED],
      '127.0.0.1': [PUBLISHED, 'ECONNREFUSED'],
      localhost: [PUBLISHED, (await addressesOfLocalhost()).includes('::1') ? PUBLISHED : 'ECONNREFUSED'],

      '0.0.0.0': [PUBLISHED, 'ECONNREFUSED'],
    };
    let reloads = 0;
    for (const address of ['127.0.0.1', '::', 'localhost', '0.0.0.0', 'localhost'] as const) {
      await load.confirms(20, gateway.ports);
      await gateway.reconfigure(
        JSON.stringify(configuration({ publishing: PATIENT, http: { address } }, gateway.ports)),
      );
      gateway.kill('SIGHUP');
      reloads += 1;
      await gateway.says('"reloaded"', reloads);
      const now = [await postTo('127.0.0.1', gateway.port), await postTo('::1', gateway.port)];
      expect([address, now]).toEqual([address, reached[address]]);
    }
    const attempts = await load.stop();
    expect(attempts.filter(({ status, failure }) => status !== 204 && failure !== 'ECONNREFUSED')).toEqual([]);
    expect(await lost(topology, attempts)).toEqual([]);
  });

  it('where it did, when a reload wants an address that another process has', async () => {
    const gateway = await start({ http: { address: '127.0.0.1' } });
    const other = await start({ http: { address: '127.0.0.1' } });
    const wanted = configuration({ publishing: PATIENT, http: { address: '::' } }, [gateway.port, other.port]);
    await gateway.reconfigure(JSON.stringify(wanted));
    gateway.kill('SIGHUP');
    await gateway.says('not reloaded');
    expect(gateway.stderr).toContain(`cannot listen on [::]:${other.port}: EADDRINUSE`);
    expect(await postTo('127.0.0.1', gateway.port)).toBe(PUBLISHED);
    expect(await postTo('127.0.0.1', other.port)).toBe(PUBLISHED);
    expect(await postTo('::1', gateway.port)).toBe('ECONNREFUSED');
  });

  it('on all ports before it serves one, so that none refuses a connection while others are served', async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, claimFreePort));
    onTestFinished(() => {
      for (const claim of claims) claim.release();
    });
    const ports = claims.map(({ port }: ClaimedPort) => port);
    const starting = start({ ports: 0, http: { ports } });
    const served = await Promise.any(ports.map((port) => firstAnswer(port)));
    expect(served).toBe(PUBLISHED);
    expect(await Promise.all(ports.map((port) => postTo('127.0.0.1', port)))).toEqual(ports.map(() => PUBLISHED));
    await starting;
  });

  /** Tries until the port does not refuse. */
  async function firstAnswer(port: number): Promise<string> {
    for (;;) {
      const answer = await postTo('127.0.0.1', port);
      if (answer !== 'ECONNREFUSED') return answer;
    }
  }

  it('and says who it is in the pidfile that a reload names, and no longer in the one before', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-test-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const [first, second] = ['first.pid', 'second.pid'].map((name) => join(directory, name));
    const gateway = await start({ daemon: { pidfile: first } });
    expect(readFileSync(first ?? '', 'utf8')).toBe(`${gateway.pid}\n`);
    const reload = async (settings: Settings): Promise<void> => {
      await gateway.reconfigure(JSON.stringify(configuration(settings, gateway.ports)));
      gateway.kill('SIGHUP');
    };

    await reload({ daemon: { pidfile: second } });
    await gateway.says('"reloaded"');
    expect(readFileSync(second ?? '', 'utf8')).toBe(`${gateway.pid}\n`);
    expect(existsSync(first ?? '')).toBe(false);

    await reload({ daemon: { pidfile: directory } });
    await gateway.says('Daemon.pidfile: cannot write');
    expect(readFileSync(second ?? '', 'utf8')).toBe(`${gateway.pid}\n`);

    await reload({ daemon: { pidfile: first }, http: { sockets: [directory] } });
    await gateway.says('cannot listen on unix:');
    expect([existsSync(first ?? ''), existsSync(second ?? '')]).toEqual([false, true]);

    await reload({});
    await gateway.says('"reloaded"', 2);
    expect(existsSync(second ?? '')).toBe(false);
    expect((await post(gateway.port)).status).toBe(204);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { BackendStats, InstallationStats } from '../src/handler/stats.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { FORM, http } from './support/http.ts';
import { backendsOn } from './support/processes.ts';
import { lintMetrics } from './support/promtool.ts';
import { Topology } from './support/topology.ts';

describe('the figures', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(() => topology.delete());

  async function start(settings: Settings): Promise<GatewayProcess> {
    const gateway = await gatewayForTest(settings);
    return gateway;
  }

  const post = (port: number, key = 'k', headers = {}) =>
    http(port, `/${topology.segment}/x/${key}`, {
      user: topology.user,
      body: 'body=x',
      headers: { ...FORM, ...headers },
    });
  const get = (port: number, path: string) => http(port, path, { method: 'GET' });
  const statsOf = async (port: number): Promise<BackendStats> => JSON.parse((await get(port, '/stats')).text);
  const allOf = async (port: number): Promise<InstallationStats> =>
    JSON.parse((await get(port, '/stats?scope=all')).text);
  const key = () => `${topology.vhost}:${topology.user.username}`;

  /** One line of a metric for each of its label sets, without its help. */
  const linesOf = (text: string, name: string): string[] =>
    text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));

  it('of all backends can be had from any, each and added up', async () => {
    const gateway = await start({ ports: 3 });
    const [first = 0, second = 0, third = 0] = gateway.ports;
    for (const port of [first, second, second]) expect((await post(port)).status).toBe(204);
    await http(second, '/v/x/k', { body: 'body=x', headers: FORM });

    const { backends, total, silent } = await allOf(third);
    expect(silent).toBeUndefined();
    expect(backends.map(({ port, connections }) => [port, connections[key()]?.publishes])).toEqual([
      [first, 1],
      [second, 2],
      [third, undefined],
    ]);
    expect(total.connections[key()]).toMatchObject({
      connected: true,
      publishes: 3,
      connections: { opened: 2, closed: 0 },
    });
    expect(total.requests).toMatchObject({ 'method.POST': 4, 'response.204': 3, 'response.401': 1 });
    expect(total.resident_memory).toBe(backends.reduce((sum, each) => sum + each.resident_memory, 0));
    expect(total.latency.max).toBe(Math.max(...backends.map(({ latency }) => latency.max)));
    expect(total).not.toHaveProperty('port');
  });

  it('of all workers of a port are there', async () => {
    const gateway = await start({ http: { workers: 3 } });
    const { backends } = await allOf(gateway.port);
    expect(backends.map(({ port, worker }) => [port, worker])).toEqual(
      [0, 1, 2].map((worker) => [gateway.port, worker]),
    );
  });

  it('say which backend does not answer, and are those of the others', async () => {
    const gateway = await start({ ports: 2 });
    const [first = 0, second = 0] = gateway.ports;
    const [stuck] = backendsOn(gateway.pid, second);
    process.kill(stuck?.pid ?? 0, 'SIGSTOP');
    try {
      const { backends, silent } = await allOf(first);
      expect(backends.map(({ port }) => port)).toEqual([first]);
      expect(silent).toEqual([{ port: second, worker: 0 }]);
    } finally {
      process.kill(stuck?.pid ?? 0, 'SIGCONT');
    }
  });

  it('are a backend’s own where the supervisor does not answer', async () => {
    const gateway = await start({ ports: 2 });
    const [first = 0] = gateway.ports;
    process.kill(gateway.pid, 'SIGSTOP');
    try {
      const { backends, silent } = await allOf(first);
      expect(backends.map(({ port }) => port)).toEqual([first]);
      expect(silent).toBeUndefined();
    } finally {
      process.kill(gateway.pid, 'SIGCONT');
    }
  });

  it('are a backend’s own where none asks for all', async () => {
    const gateway = await start({ ports: 2 });
    const [first = 0, second = 0] = gateway.ports;
    await post(first);
    expect((await statsOf(first)).requests['response.204']).toBe(1);
    expect((await statsOf(second)).requests['response.204']).toBeUndefined();
  });

  it('can be asked for in no other scope', async () => {
    const gateway = await start({});
    for (const path of ['/stats?scope=every', '/metrics?scope=every']) {
      const { status, problem } = await get(gateway.port, path);
      expect([status, problem.errors]).toEqual([
        400,
        [{ field: 'scope', message: 'expected all, or nothing for this backend' }],
      ]);
    }
  });

  it('count refused logins, and messages that were refused, unroutable or sent', async () => {
    await topology.exchange('nowhere');
    const gateway = await start({});
    const wrong = { username: topology.user.username, password: 'wrong' };
    await http(gateway.port, `/${topology.segment}/x/k`, { user: wrong, body: 'body=x', headers: FORM });
    await post(gateway.port);
    for (const exchange of ['nowhere', 'missing'])
      await http(gateway.port, `/${topology.segment}/${exchange}/k`, { user: topology.user, body: 'x' });
    const stats = await statsOf(gateway.port);
    expect(stats.logins_refused).toBe(1);
    expect(stats.connections[key()]).toMatchObject({ publishes: 2, refused: 1, unroutable: 1 });

    const { text } = await get(gateway.port, '/metrics');
    const labels = `{vhost="${topology.vhost}",user="${topology.user.username}"}`;
    expect(linesOf(text, 'statelessd_logins_refused_total')).toEqual(['statelessd_logins_refused_total 1']);
    expect(linesOf(text, 'statelessd_messages_confirmed_total')).toEqual([
      `statelessd_messages_confirmed_total${labels} 2`,
    ]);
    expect(linesOf(text, 'statelessd_messages_refused_total')).toEqual([
      `statelessd_messages_refused_total${labels} 1`,
    ]);
    expect(linesOf(text, 'statelessd_requests_total')).toContain(
      'statelessd_requests_total{method="POST",status="204"} 2',
    );
    expect(linesOf(text, 'statelessd_publish_duration_seconds_count')).toEqual([
      'statelessd_publish_duration_seconds_count 2',
    ]);
  });

  it('for Prometheus please its own linter, of one backend and of all', async () => {
    const gateway = await start({ ports: 2 });
    for (const port of gateway.ports) await post(port);
    const own = await get(gateway.port, '/metrics');
    expect(own.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await lintMetrics(own.text)).toBe('');

    const all = await get(gateway.port, '/metrics?scope=all');
    expect(await lintMetrics(all.text)).toBe('');
    expect(linesOf(all.text, 'statelessd_requests_total').toSorted()).toEqual(
      expect.arrayContaining(
        gateway.ports.map(
          (port) => `statelessd_requests_total{method="POST",status="204",port="${port}",worker="0"} 1`,
        ),
      ),
    );
  });

  it('keep users apart whose names look like labels', async () => {
    const sibling = await topology.sibling(`${topology.vhost},vhost:"b"\\`);
    onTestFinished(() => sibling.delete());
    await sibling.exchangeWithQueue();
    const gateway = await start({});
    await post(gateway.port);
    await http(gateway.port, `/${sibling.segment}/x/k`, { user: topology.user, body: 'body=x', headers: FORM });
    const { text } = await get(gateway.port, '/metrics');
    const { username } = topology.user;
    expect(linesOf(text, 'statelessd_messages_confirmed_total').toSorted()).toEqual(
      [
        `statelessd_messages_confirmed_total{vhost="${topology.vhost}",user="${username}"} 1`,
        `statelessd_messages_confirmed_total{vhost="${topology.vhost},vhost:\\"b\\"\\\\",user="${username}"} 1`,
      ].toSorted(),
    );
    expect(await lintMetrics(text)).toBe('');
  });
});

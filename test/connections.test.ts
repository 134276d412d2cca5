import { randomUUID } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { TcpProxy } from './support/tcp-proxy.ts';
import { type BrokerPorts, portsOf, Topology, type User } from './support/topology.ts';

/** What /stats says of one vhost and user. */
interface Entry {
  readonly connected: boolean;
  readonly connections: { readonly opened: number; readonly closed: number };
  readonly publishes: number;
}

describe('the connection map', () => {
  let certificates: Certificates;
  let broker: Broker;
  let ports: BrokerPorts;
  let topology: Topology;

  beforeAll(async () => {
    certificates = makeCertificates();
    broker = await startBroker({
      name: 'connections',
      management: true,
      tls: { ca: certificates.ca, cert: certificates.cert, key: certificates.key },
    });
    ports = portsOf(broker);
    topology = await Topology.create(ports);
    await topology.exchangeWithQueue();
  });
  afterAll(async () => {
    await broker.close();
    certificates.delete();
  });

  const gatewayWith = (settings: Settings = {}): Promise<GatewayProcess> =>
    gatewayForTest({ broker: ports, ...settings });
  const post = (gateway: GatewayProcess, user: User = topology.user, on: Topology = topology): Promise<Answer> =>
    http(gateway.port, `/${on.segment}/x/k`, { user, body: 'body=x', headers: FORM });
  const entryOf = async (gateway: GatewayProcess, user: User = topology.user, on = topology): Promise<Entry> => {
    const stats = JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text);
    return stats.connections[`${on.vhost}:${user.username}`];
  };
  const failedLogins = async (): Promise<number> => {
    const { json } = await broker.api('GET', `/auth/attempts/${broker.nodename}`);
    const attempts = Array.isArray(json) ? json : [];
    return attempts.find(({ protocol }) => protocol === 'amqp091')?.auth_attempts_failed ?? 0;
  };

  it('shares one login among concurrent first requests', async () => {
    const gateway = await gatewayWith();
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(gateway)));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(204));
    expect((await entryOf(gateway)).connections).toEqual({ opened: 1, closed: 0 });
  });

  it('keeps one connection for each vhost, user and password', async () => {
    const gateway = await gatewayWith();
    const other = await topology.sibling(`${topology.vhost}-2`);
    await other.exchangeWithQueue();
    const user = await topology.addUser({ username: `u-${randomUUID()}`, password: 'p' });
    for (const answer of [await post(gateway), await post(gateway, user), await post(gateway, topology.user, other)])
      expect(answer.status).toBe(204);
    for (const entry of [
      await entryOf(gateway),
      await entryOf(gateway, user),
      await entryOf(gateway, topology.user, other),
    ])
      expect(entry).toMatchObject({ connected: true, connections: { opened: 1, closed: 0 }, publishes: 1 });
  });

  it('answers refused logins by the broker’s refusal, not after a time-out, and asks once for many', async () => {
    const gateway = await gatewayWith({ publishing: { publish_timeout: 600 } });
    const before = await failedLogins();
    const wrong = { ...topology.user, password: 'wrong' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(gateway, wrong)));
    answers.push(await post(gateway, wrong));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    const stranger = await topology.addUser({ username: `u-${randomUUID()}`, password: 'p' });
    await topology.api('DELETE', `/permissions/${topology.segment}/${stranger.username}`);
    expect((await post(gateway, stranger)).status).toBe(403);
    await expect.poll(failedLogins).toBe(before + 1);
  });

  it('is recognised in RabbitMQ’s list of connections', async () => {
    const gateway = await gatewayWith({ rabbitmq: { heartbeat: 7 } });
    await post(gateway);
    const own = async (): Promise<Record<string, unknown>[]> => {
      const { json } = await broker.api('GET', `/vhosts/${topology.segment}/connections`);
      const connections = Array.isArray(json) ? json : [];
      return connections.filter((one) => one.user_provided_name?.includes(`:${gateway.port} `));
    };
    await expect.poll(own, { timeout: 20_000 }).toHaveLength(1);
    const [connection] = await own();
    expect(connection?.user_provided_name).toMatch(/^statelessd \S+:\d+ \(pid \d+\)$/);
    expect(connection).toMatchObject({ user: topology.user.username, vhost: topology.vhost, timeout: 7 });
  });

  it('closes what is idle, and keeps its totals', async () => {
    const gateway = await gatewayWith({ rabbitmq: { idle_timeout: 0.5 } });
    await post(gateway);
    await expect
      .poll(() => entryOf(gateway), { timeout: 20_000 })
      .toMatchObject({
        connected: false,
        connections: { opened: 1, closed: 1 },
        publishes: 1,
      });
    expect((await post(gateway)).status).toBe(204);
    expect(await entryOf(gateway)).toMatchObject({ connected: true, connections: { opened: 2 }, publishes: 2 });
  });

  it('makes room by closing the connection that was idle for longest', async () => {
    const gateway = await gatewayWith({ rabbitmq: { max_connections: 2 } });
    const users = await Promise.all(
      [1, 2, 3].map((n) => topology.addUser({ username: `u${n}-${randomUUID()}`, password: 'p' })),
    );
    for (const user of users) expect((await post(gateway, user)).status).toBe(204);
    const connected = await Promise.all(users.map(async (user) => (await entryOf(gateway, user)).connected));
    expect(connected).toEqual([false, true, true]);
  });

  it('answers 503 where all of max_connections are busy', async () => {
    const gateway = await gatewayWith({ rabbitmq: { max_connections: 1 } });
    const stranger = await topology.addUser({ username: `u-${randomUUID()}`, password: 'p' });
    expect((await post(gateway)).status).toBe(204);
    const busy = new AbortController();
    const half = http(gateway.port, `/${topology.segment}/x/k`, {
      user: topology.user,
      headers: { 'content-length': '10', expect: '100-continue' },
      signal: busy.signal,
      body: 'half',
    });
    half.catch(() => {});
    await expect.poll(() => post(gateway, stranger)).toMatchObject({ status: 503 });
    const answer = await post(gateway, stranger);
    expect([answer.problem.type, answer.problem.published]).toEqual(['urn:statelessd:overloaded', 'no']);
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    busy.abort();
    await expect.poll(async () => (await post(gateway, stranger)).status).toBe(204);
  });

  it('fails over to the next of its hosts', async () => {
    const gateway = await gatewayWith({ rabbitmq: { hosts: ['127.0.0.1:1', `127.0.0.1:${broker.port}`] } });
    expect((await post(gateway)).status).toBe(204);
  });

  it('verifies TLS against a private authority', async () => {
    const tls = (more: object) => ({ rabbitmq: { host: 'localhost', port: broker.tlsPort, tls: more } });
    const trusting = await gatewayWith(tls({ ca: certificates.ca }));
    expect((await post(trusting)).status).toBe(204);
    const careless = await gatewayWith(tls({ verify: false }));
    expect((await post(careless)).status).toBe(204);
    const distrusting = await gatewayWith({ ...tls({}), publishing: { publish_timeout: 1 } });
    const answer = await post(distrusting);
    expect([answer.status, answer.problem.type]).toEqual([503, 'urn:statelessd:broker-unavailable']);
    expect(answer.text).not.toMatch(/certificate|TLS|SSL|ECONN/i);
  });

  it('is told of every confirm over TLS, whatever the size of the message', async () => {
    const rabbitmq = { host: 'localhost', port: broker.tlsPort, tls: { ca: certificates.ca } };
    const gateway = await gatewayWith({ rabbitmq, publishing: { publish_timeout: 5 } });
    const sizes = [1, 16_000, 17_000, 70_000, 150_000, 1_500_000].flatMap((size) => Array<number>(8).fill(size));
    const statuses: number[] = [];
    for (const size of sizes) {
      const call = { user: topology.user, body: 'x'.repeat(size), headers: { 'content-type': 'text/plain' } };
      statuses.push((await http(gateway.port, `/${topology.segment}/x/k`, call)).status);
    }
    expect(statuses).toEqual(sizes.map(() => 204));
  });

  it('answers 503 after waiting for a broker that is away, and says nothing of sockets', async () => {
    const gateway = await gatewayWith({ rabbitmq: { port: 1 }, publishing: { publish_timeout: 1 } });
    const answer = await post(gateway);
    expect([answer.status, answer.problem.type, answer.problem.published]).toEqual([
      503,
      'urn:statelessd:broker-unavailable',
      'no',
    ]);
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    expect(answer.text).not.toMatch(/ECONNREFUSED|socket/);
    const ready = await http(gateway.port, '/readyz', { method: 'GET' });
    expect([ready.status, JSON.parse(ready.text)]).toMatchObject([503, { ready: false, broker: 'unreachable' }]);
  });

  it('gives up on a host that takes connections and says nothing, after connect_timeout', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const gateway = await gatewayWith({
      rabbitmq: { connect_timeout: 0.5, hosts: [`127.0.0.1:${port}`, `127.0.0.1:${broker.port}`] },
    });
    expect((await post(gateway)).status).toBe(204);
  });

  it('keeps a connection whose login came too late for the request that asked for it', async () => {
    const proxy = await TcpProxy.start(broker.port);
    onTestFinished(() => proxy.close());
    const gateway = await gatewayWith({ rabbitmq: { port: proxy.port }, publishing: { publish_timeout: 0.3 } });
    proxy.link = { delayMs: 200 };
    expect((await post(gateway)).problem.type).toBe('urn:statelessd:broker-unavailable');
    proxy.link = 'pass';
    await expect.poll(async () => (await post(gateway)).status, { timeout: 20_000 }).toBe(204);
    expect((await entryOf(gateway)).connections).toEqual({ opened: 1, closed: 0 });
  });

  it('renews a connection before its credentials are too old, and loses nothing', async () => {
    const gateway = await gatewayWith({ rabbitmq: { credentials_ttl: 0.5 } });
    const answers: Answer[] = [];
    let renewals = 0;
    while (renewals < 3) {
      answers.push(...(await Promise.all(Array.from({ length: 20 }, () => post(gateway)))));
      renewals = (await entryOf(gateway)).connections.opened - 1;
    }
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]));
    expect((await entryOf(gateway)).publishes).toBe(answers.length);
  });

  it('no longer accepts a changed password after credentials_ttl', async () => {
    const gateway = await gatewayWith({ rabbitmq: { credentials_ttl: 0.5 } });
    const user = await topology.addUser({ username: `u-${randomUUID()}`, password: 'old' });
    expect((await post(gateway, user)).status).toBe(204);
    await topology.addUser({ ...user, password: 'new' });
    await expect.poll(async () => (await post(gateway, user)).status, { timeout: 20_000 }).toBe(401);
    expect((await post(gateway, { ...user, password: 'new' })).status).toBe(204);
  });

  it('renews a connection where the user may have no second one, so that a revoked permission ends', async () => {
    const gateway = await gatewayWith({ rabbitmq: { credentials_ttl: 0.5 } });
    const user = await topology.addUser({ username: `u-${randomUUID()}`, password: 'p' });
    await topology.api('PUT', `/user-limits/${user.username}/max-connections`, { value: 1 });
    const renewals = async () => (await entryOf(gateway, user))?.connections.opened - 1;
    const statuses = new Set<number>();
    do statuses.add((await post(gateway, user)).status);
    while ((await renewals()) < 2);
    expect([...statuses]).toEqual([204]);
    await topology.permit(user, '^$');
    await expect.poll(async () => (await post(gateway, user)).status, { timeout: 20_000 }).toBe(403);
  });

  it('holds the messages of known users while the broker restarts', async () => {
    const gateway = await gatewayWith({ publishing: { publish_timeout: 60 } });
    expect((await post(gateway)).status).toBe(204);
    await broker.kill();
    const held = Promise.all(Array.from({ length: 20 }, () => post(gateway)));
    await expect
      .poll(async () => (await http(gateway.port, '/stats', { method: 'GET' })).text)
      .toContain('"queue_size":20');
    await broker.start();
    expect((await held).map(({ status }) => status)).toEqual(Array(20).fill(204));
  });
});

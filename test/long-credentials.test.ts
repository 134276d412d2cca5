import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { otherRabbitmq } from './support/other-rabbitmq.ts';
import { portsOf, Topology, type User } from './support/topology.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe.each<[string, number, Record<string, string>, (() => Promise<string>)?]>([
  ['of this machine', 4096, {}],
  ['that reads larger logins', 8192, { initial_frame_max: '8192' }],
  ['of another version', 4096, {}, otherRabbitmq],
])('credentials too long for a RabbitMQ %s', (_, limit, config, fetchRabbitmq) => {
  let broker: Broker;
  let topology: Topology;
  beforeAll(async () => {
    const installation = await fetchRabbitmq?.();
    broker = await startBroker({
      name: 'long',
      management: true,
      config,
      ...(installation !== undefined && { installation }),
    });
    topology = await Topology.create(portsOf(broker));
    await topology.exchangeWithQueue();
  });
  afterAll(() => broker?.close());

  /** A gateway, what it sends to the broker, and over how many connections: a probe is none, it says nothing. */
  async function watched() {
    const sent: Buffer[] = [];
    let connections = 0;
    const server = createServer((client) => {
      client.once('data', () => {
        connections += 1;
      });
      const upstream = connect(broker.port, '127.0.0.1');
      client.on('data', (chunk) => sent.push(chunk)).on('error', () => upstream.destroy());
      upstream.on('error', () => client.destroy());
      client.pipe(upstream).pipe(client);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const gateway = await GatewayProcess.start({ broker: { ...topology.broker, port } });
    onTestFinished(async () => {
      await gateway.stop();
      server.close();
    });
    const post = (user: User): Promise<Answer> =>
      http(gateway.port, `/${topology.segment}/x/k`, { user, body: 'body=x', headers: FORM });
    return { gateway, post, sent: () => Buffer.concat(sent).toString('latin1'), connections: () => connections };
  }
  const passwordOf = (length: number): string => 'secret'.padEnd(length, 'x');
  const sizesIn = ({ problem: { detail = '' } }: Answer): number[] => detail.match(/\d+/g)?.map(Number) ?? [];

  it('are 401, and the broker never sees them', async () => {
    const { gateway, post, sent, connections } = await watched();
    const user = { username: 'long', password: passwordOf(9000) };
    const answer = await post(user);
    expect([answer.status, answer.problem.type, answer.problem.published]).toEqual([
      401,
      'urn:statelessd:unauthenticated',
      'no',
    ]);
    expect(answer.problem.detail).toMatch(/^the credentials are too long: /);
    expect(answer.headers['www-authenticate']).toContain('Basic');
    const before = connections();
    expect((await post({ ...user, username: 'longer' })).status).toBe(401);
    expect(connections()).toBe(before);
    expect(sent()).not.toContain('secret');
    expect(gateway.stderr).not.toContain('secret');
  });

  it('are those that are longer than the longest that work, by one byte', async () => {
    const { post } = await watched();
    const username = 'exact';
    const [max = 0, bytes = 0] = sizesIn(await post({ username, password: passwordOf(9000) }));
    expect(max).toBe(limit);
    const longest = 9000 - (bytes - max);
    await topology.addUser({ username, password: passwordOf(longest) });
    expect((await post({ username, password: passwordOf(longest) })).status).toBe(204);
    await topology.addUser({ username, password: passwordOf(longest + 1) });
    expect((await post({ username, password: passwordOf(longest + 1) })).status).toBe(401);
  });

  it('keep nobody else out, however many come', async () => {
    const { gateway, post } = await watched();
    const users = await Promise.all(
      range(30).map((n) => topology.addUser({ username: `new-${n}`, password: `p${n}` })),
    );
    const [refused, served] = await Promise.all([
      Promise.all(range(100).map((n) => post({ username: 'long', password: passwordOf(8500 + n) }))),
      Promise.all(users.map(post)),
    ]);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([401]));
    expect(new Set(served.map(({ status }) => status))).toEqual(new Set([204]));
    const { text } = await http(gateway.port, '/stats', { method: 'GET' });
    expect(JSON.parse(text).logins_refused).toBe(0);
  });
});

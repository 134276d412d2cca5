import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { GatewayProcess, type Settings } from './support/gateway.ts';
import { type Answer, FORM, http, keepAliveAgent } from './support/http.ts';
import { type BrokerPorts, portsOf, Topology, type User } from './support/topology.ts';

describe('somebody who guesses passwords', () => {
  let broker: Broker;
  let ports: BrokerPorts;
  let topology: Topology;

  beforeAll(async () => {
    broker = await startBroker({ name: 'guessing', management: true });
    ports = portsOf(broker);
    topology = await Topology.create(ports);
    await topology.exchangeWithQueue();
  });

  const gatewayWith = async (settings: Settings = {}): Promise<GatewayProcess> => {
    const gateway = await GatewayProcess.start({ broker: ports, ...settings });
    onTestFinished(async () => {
      await gateway.stop();
    });
    return gateway;
  };
  const agent = keepAliveAgent(50);
  afterAll(async () => {
    agent.destroy();
    await broker.close();
  });
  const post = (gateway: GatewayProcess, user: User, headers: Record<string, string> = {}): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x/k`, { user, body: 'body=x', headers: { ...FORM, ...headers } }, agent);
  const guess = (n: number): User => ({ username: topology.user.username, password: `guess-${n}` });
  const attempts = async (): Promise<{ failed: number; all: number }> => {
    const { json } = await broker.api('GET', `/auth/attempts/${broker.nodename}`);
    const amqp = Array.isArray(json) ? json.find(({ protocol }) => protocol === 'amqp091') : undefined;
    return { failed: amqp?.auth_attempts_failed ?? 0, all: amqp?.auth_attempts ?? 0 };
  };

  it('reaches the broker a few times only, and never harms who is known', async () => {
    const gateway = await gatewayWith();
    expect((await post(gateway, topology.user)).status).toBe(204);
    const before = await attempts();
    const statuses = new Map<number, number>();
    let next = 0;
    const guesser = async (): Promise<void> => {
      while (next < 10_000) {
        next += 1;
        const { status } = await post(gateway, guess(next));
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const known: number[] = [];
    const guessers = Promise.all(Array.from({ length: 20 }, guesser));
    while (next < 10_000) known.push((await post(gateway, topology.user)).status);
    await guessers;
    expect([...statuses.keys()].toSorted()).toEqual([401, 429]);
    expect(new Set(known)).toEqual(new Set([204]));
    expect((await attempts()).failed - before.failed).toBeLessThanOrEqual(40);
  });

  it('is told to wait', async () => {
    const gateway = await gatewayWith();
    let answer = await post(gateway, guess(0));
    for (let n = 1; answer.status === 401 && n < 100; n += 1) answer = await post(gateway, guess(n));
    expect([answer.status, answer.problem.type, answer.problem.published]).toEqual([
      429,
      'urn:statelessd:too-many-failed-logins',
      'no',
    ]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('is let off for repeating one mistake, which the broker hears of once', async () => {
    const gateway = await gatewayWith();
    const before = await attempts();
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(gateway, guess(0))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect((await attempts()).failed - before.failed).toBe(1);
  });

  it('is who the broker refused to log in, and nobody whose header is broken or who lacks a permission', async () => {
    const gateway = await gatewayWith();
    const told = new Set<string>();
    for (let n = 0; n < 40; n += 1) {
      const broken = { ...FORM, authorization: `Basic ${n}` };
      const elsewhere = http(gateway.port, `/missing-${n}/x/k`, { user: topology.user, body: 'body=x', headers: FORM });
      const malformed = http(gateway.port, `/${topology.segment}/x/k`, { body: 'body=x', headers: broken });
      for (const { problem } of await Promise.all([elsewhere, malformed])) told.add(problem.type ?? '');
    }
    expect(told).toEqual(new Set(['urn:statelessd:vhost-not-found', 'urn:statelessd:unauthenticated']));
    expect((await post(gateway, guess(0))).status).toBe(401);
  });

  it('does not use up what a crowd of new users behind the same address needs', async () => {
    const gateway = await gatewayWith();
    const users = await Promise.all(
      Array.from({ length: 40 }, (_, n) => topology.addUser({ username: `crowd-${n}-${randomUUID()}`, password: 'p' })),
    );
    const answers = await Promise.all(users.map((user) => post(gateway, user)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]));
  });

  it('cannot hide behind forwarding headers that are not believed', async () => {
    const gateway = await gatewayWith();
    const statuses = new Set<number>();
    for (let n = 0; n < 40; n += 1)
      statuses.add((await post(gateway, guess(n), { 'x-forwarded-for': `198.51.100.${n}` })).status);
    expect(statuses).toEqual(new Set([401, 429]));
  });

  it('gets no place in the connection map before a login has succeeded', async () => {
    const gateway = await gatewayWith();
    await post(gateway, guess(0));
    const stats = JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text);
    expect(stats.connections).toEqual({});
  });

  it('finds no password in logs, problems, statistics or the list of processes', async () => {
    const gateway = await gatewayWith({ application: { debug: true } });
    const right = await topology.addUser({ username: `u-${randomUUID()}`, password: 'right-secret-1' });
    const wrong = { ...right, password: 'wrong-secret-2' };
    const texts = [(await post(gateway, right)).text, (await post(gateway, wrong)).text];
    texts.push((await http(gateway.port, '/stats', { method: 'GET' })).text);
    texts.push(execFileSync('ps', ['auxeww'], { encoding: 'utf8' }));
    texts.push(gateway.stderr);
    expect(texts.filter((text) => /secret-[12]/.test(text))).toEqual([]);
  });
});

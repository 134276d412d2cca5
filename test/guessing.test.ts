import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { Guessers, loginsOf, via } from './support/guessers.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { type BrokerPorts, portsOf, Topology, type User } from './support/topology.ts';

describe('somebody who guesses passwords', () => {
  let broker: Broker;
  let ports: BrokerPorts;
  let topology: Topology;
  let guessers: Guessers;

  beforeAll(async () => {
    broker = await startBroker({ name: 'guessing', management: true });
    ports = portsOf(broker);
    topology = await Topology.create(ports);
    await topology.exchangeWithQueue();
    guessers = new Guessers(topology);
  });

  const gatewayWith = (settings: Settings = {}): Promise<GatewayProcess> =>
    gatewayForTest({ broker: ports, ...settings });
  afterAll(async () => {
    guessers.close();
    await broker.close();
  });
  const post = (gateway: GatewayProcess, user: User, headers: Record<string, string> = {}): Promise<Answer> =>
    guessers.post(gateway, user, headers);
  const guess = (n: number): User => ({ username: topology.user.username, password: `guess-${n}` });
  const attempts = () => loginsOf(broker);

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

  it('is not told the password of a login in use, which goes on elsewhere', async () => {
    const gateway = await gatewayWith({ http: { xheaders: true } });
    const user = await guessers.newUser();
    const known = (): Promise<Answer> => post(gateway, user, via('198.51.100.1'));
    expect((await known()).status).toBe(204);
    const options = { rightEvery: 10, right: user.password };
    const guessing = guessers.guess(gateway, user, 1_000, () => via('198.51.100.2'), options);
    const served = new Set<number>();
    let isOver = false;
    void guessing.then(() => {
      isOver = true;
    });
    while (!isOver) served.add((await known()).status);
    const { all, right } = await guessing;
    expect([all.seen, all.of(401), right.seen, served]).toEqual([[401, 429], 20, [429], new Set([204])]);
  });

  it.each([
    ['of another user', async () => guessers.newUser()],
    ['of one who was known there before', async (user: User) => user],
  ])('shuts out nobody from another address: %s', async (_, another) => {
    const gateway = await gatewayWith({ http: { xheaders: true } });
    const user = await guessers.newUser();
    expect((await post(gateway, user, via('198.51.100.1'))).status).toBe(204);
    await guessers.guess(gateway, user, 60, () => via('198.51.100.2'));
    expect((await post(gateway, user, via('198.51.100.2'))).status).toBe(429);
    expect((await post(gateway, await another(user), via('198.51.100.1'))).status).toBe(204);
  });

  it('with a thousand addresses learns no more about one user, who may still come from new ones', async () => {
    const gateway = await gatewayWith({ http: { xheaders: true } });
    const user = await guessers.newUser();
    const known = (): Promise<Answer> => post(gateway, user, via('198.51.100.1'));
    expect((await known()).status).toBe(204);
    const from = (n: number) => via(`203.0.${n % 4}.${n % 250}`);
    const options = { rightEvery: 50, right: user.password };
    const { learned } = await guessers.guess(gateway, user, 2_000, from, options);
    expect(learned.size).toBeLessThanOrEqual(20);
    expect((await known()).status).toBe(204);
    const crowd = Array.from({ length: 100 }, (_, n) => post(gateway, user, via(`192.0.2.${n}`)));
    expect(new Set((await Promise.all(crowd)).map(({ status }) => status))).toEqual(new Set([204]));
  });

  it('has a /64 network of IPv6 as one address', async () => {
    const gateway = await gatewayWith({ http: { xheaders: true } });
    const user = await guessers.newUser();
    const { all } = await guessers.guess(gateway, user, 60, (n) => via(`2001:db8:0:7:${n}::1`));
    expect([all.seen, all.of(401)]).toEqual([[401, 429], 20]);
    expect((await post(gateway, user, via('2001:DB8::7:0:0:0:99'))).status).toBe(429);
    expect((await post(gateway, user, via('2001:db8:0:8::1'))).status).toBe(204);
  });

  it.each([
    ['a message', '/x/k', FORM, 'body=x'],
    ['a batch', '/x', { 'content-type': 'application/json' }, '[{"routing_key":"k","body":"x"}]'],
    ['the management plugin’s call', '/x/publish', { 'content-type': 'application/json' }, '{}'],
  ])('is named by address in the log, where %s is refused', async (_, path, headers, body) => {
    const gateway = await gatewayWith({ http: { xheaders: true } });
    const lines = () =>
      gateway.stderr
        .split('\n')
        .filter((line) => line.includes('"not published"'))
        .map((line) => JSON.parse(line));
    const target = `${path.endsWith('publish') ? '/api/exchanges' : ''}/${topology.segment}${path}`;
    const { username } = await guessers.newUser();
    const refused = (n: number) =>
      http(gateway.port, target, {
        user: { username, password: `guess-${n}` },
        headers: { ...headers, ...via('198.51.100.9') },
        body,
      });
    await Promise.all(Array.from({ length: 30 }, (_guess, n) => refused(n)));
    await gateway.says('"not published"', 30);
    expect(new Set(lines().map(({ status, client, user }) => `${status} ${client} ${user}`))).toEqual(
      new Set([`401 198.51.100.9 ${username}`, `429 198.51.100.9 ${username}`]),
    );
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
    const { all } = await guessers.guess(gateway, topology.user, 40, (n) => via(`198.51.100.${n}`));
    expect(all.seen).toEqual([401, 429]);
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

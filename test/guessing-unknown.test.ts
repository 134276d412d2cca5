import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { Guessers, loginsOf, Statuses, via } from './support/guessers.ts';
import type { Answer } from './support/http.ts';
import { portsOf, Topology, type User } from './support/topology.ts';

describe('behind a proxy that is not believed, somebody who guesses passwords', () => {
  let broker: Broker;
  let topology: Topology;
  let guessers: Guessers;

  beforeAll(async () => {
    broker = await startBroker({ name: 'guessing-unknown', management: true });
    topology = await Topology.create(portsOf(broker));
    await topology.exchangeWithQueue();
    guessers = new Guessers(topology);
  });
  afterAll(async () => {
    guessers.close();
    await broker.close();
  });

  const gatewayWith = (): Promise<GatewayProcess> => gatewayForTest({ broker: portsOf(broker) });

  it('learns little of a login in use, whose user is served throughout', async () => {
    const gateway = await gatewayWith();
    const user = await guessers.newUser();
    const known = (): Promise<Answer> => guessers.post(gateway, user, via('198.51.100.1', '203.0.113.9'));
    expect((await known()).status).toBe(204);
    const options = { rightEvery: 50, right: user.password };
    const from = (n: number) => via(`192.0.2.${n % 250}`, `10.${n % 7}.0.1`);
    const guessing = guessers.guess(gateway, user, 2_000, from, options);
    const served = new Set<number>();
    let isOver = false;
    void guessing.then(() => {
      isOver = true;
    });
    while (!isOver) served.add((await known()).status);
    expect((await guessing).learned.size).toBeLessThanOrEqual(20);
    expect(served).toEqual(new Set([204]));
  });

  it.each([
    ['one after the other', 1],
    ['all at once', 40],
  ])('shuts no user out who comes first after a start: guesses come %s', async (_, atOnce) => {
    const gateway = await gatewayWith();
    const user = await guessers.newUser();
    const guesses = atOnce === 1 ? 6 : 40;
    await guessers.guess(gateway, user, guesses, (n) => via(`192.0.2.${n}`), { atOnce });
    expect((await guessers.post(gateway, user, via('198.51.100.1'))).status).toBe(204);
  });

  it('shuts nobody out who comes for the first time while the guesses go on', async () => {
    const gateway = await gatewayWith();
    const users = await Promise.all(Array.from({ length: 3 }, () => guessers.newUser()));
    const guesses = new Statuses();
    let count = 0;
    let isOver = false;
    const guesser = async (): Promise<void> => {
      while (!isOver) {
        count += 1;
        const username = users[count % users.length]?.username ?? '';
        const guess = { username, password: `guess-${count}` };
        guesses.add((await guessers.post(gateway, guess, via(`192.0.2.${count % 50}`))).status);
      }
    };
    const guessing = Promise.all(Array.from({ length: 20 }, guesser));
    await expect.poll(() => guesses.of(429), { timeout: 60_000 }).toBeGreaterThan(1_000);
    const answers: Answer[] = [];
    for (const user of users) answers.push(await guessers.post(gateway, user, via('198.51.100.1')));
    isOver = true;
    await guessing;
    expect(answers.map(({ status }) => status)).toEqual(users.map(() => 204));
  });

  it('does not make the broker judge one name after the other, and shuts nobody out by that', async () => {
    const gateway = await gatewayWith();
    const before = await loginsOf(broker);
    const invented = Array.from({ length: 300 }, (_, n): User => ({ username: `nobody-${n}`, password: 'p' }));
    const answers = await Promise.all(
      invented.map((user, n) => guessers.post(gateway, user, via(`192.0.2.${n % 50}`))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    expect((await loginsOf(broker)).failed - before.failed).toBeLessThan(200);
    const user = await guessers.newUser();
    expect((await guessers.post(gateway, user, via('198.51.100.1'))).status).toBe(204);
  });

  it('does not use up what a crowd of new users behind the same proxy needs', async () => {
    const gateway = await gatewayWith();
    const users = await Promise.all(Array.from({ length: 80 }, () => guessers.newUser()));
    const answers = await Promise.all(users.map((user) => guessers.post(gateway, user, via('198.51.100.1'))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]));
  });
});

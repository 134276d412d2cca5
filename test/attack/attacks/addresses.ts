import { randomUUID } from 'node:crypto';
import { type Attack, finding } from '../attack-contract.ts';
import { MAX_LEARNED } from '../support/guesses.ts';
import { Tally } from '../support/send.ts';
import type { World } from '../support/world.ts';

const forwarded = (addresses: string) => ({ headers: { 'x-forwarded-for': addresses } });

/** One guess at each of so many names, 20 at a time. */
async function spray(world: World, names: number, from: (n: number) => object, signal: AbortSignal): Promise<Tally> {
  const tally = new Tally();
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < names && !signal.aborted) {
      next += 1;
      const n = next;
      const user = { username: `name-${n}-${randomUUID()}`, password: 'password1' };
      tally.add((await world.post({ user, ...from(n) })).status);
    }
  };
  await Promise.all(Array.from({ length: 20 }, one));
  return tally;
}

export const spraying: Attack = {
  name: 'spraying',
  tries: 'one password at each of 2,000 names, from one address',
  promise: `at most ${MAX_LEARNED} guesses a minute learn anything`,
  async run(world, signal) {
    const tally = await spray(world, 2_000, () => ({ localAddress: '127.0.0.2' }), signal);
    const learned = tally.others(429);
    return finding(`answers: ${tally}`, {
      [`at most ${MAX_LEARNED} learn anything (${learned} did)`]: learned <= MAX_LEARNED,
    });
  },
};

export const forgedAddress: Attack = {
  name: 'a forged address',
  tries:
    'with `xheaders: true`, a private client behind a proxy that appends to `X-Forwarded-For` claims an address: for 500 guesses at as many names, and to pass `operations.allow: [10.0.5.0/24]`',
  promise: 'an address that a client made up counts for nothing',
  gateway: { settings: { http: { xheaders: true, operations: { allow: ['10.0.5.0/24'] } } } },
  async run(world, signal) {
    const tally = await spray(world, 500, (n) => forwarded(`203.0.${n % 250}.${1 + (n % 9)}, 10.9.9.9`), signal);
    const learned = tally.others(429);
    const stats = (await world.get('/stats', forwarded('10.0.5.7, 10.9.9.9'))).status;
    return finding(`guesses: ${tally}; /stats: ${stats}`, {
      [`at most ${2 * MAX_LEARNED} learn anything (${learned} did)`]: learned <= 2 * MAX_LEARNED,
      '/stats is refused': stats === 403,
    });
  },
};

export const lockOut: Attack = {
  name: 'lock-out',
  tries:
    'guesses without end at the names of 10 users who were never seen before, through the same proxy of unknown clients as these users',
  promise: 'nobody can lock a user out: the right password is 204',
  async run(world, signal) {
    const users = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        world.topology.addUser({ username: `newcomer-${n}-${randomUUID()}`, password: 'right' }),
      ),
    );
    const guesses = new Tally();
    let n = 0;
    const guess = async (): Promise<void> => {
      while (!signal.aborted) {
        n += 1;
        const username = users[n % users.length]?.username ?? '';
        const call = { user: { username, password: `guess-${n}` }, ...forwarded(`${1 + (n % 200)}.0.0.1`) };
        guesses.add((await world.post(call)).status);
      }
    };
    const guessing = Promise.all(Array.from({ length: 20 }, guess));
    while (guesses.total < 1_000 && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
    const served = new Tally();
    let slowest = 0;
    for (const user of users) {
      const { status, milliseconds } = await world.post({ user, ...forwarded('198.51.100.7') });
      served.add(status);
      slowest = Math.max(slowest, milliseconds);
    }
    await guessing;
    return finding(`guesses: ${guesses}; the users: ${served}, within ${(slowest / 1000).toFixed(1)} s`, {
      'the users are served': served.others(204) === 0,
    });
  },
};

export const throttleKeys: Attack = {
  name: 'names to remember',
  tries: 'guesses at names of 3 KB each, another one every time, through a proxy of unknown clients',
  promise: 'what is remembered of refused logins is bounded, and the broker is asked no more than 20 times a second',
  async run(world, signal) {
    const asked = await world.logins();
    const startedAt = performance.now();
    const tally = new Tally();
    let n = 0;
    const one = async (): Promise<void> => {
      while (!signal.aborted) {
        n += 1;
        const username = `${n}-${randomUUID()}`.padEnd(3_000, 'x');
        tally.add(
          (await world.post({ user: { username, password: 'p' }, ...forwarded(`${1 + (n % 200)}.0.0.1`) })).status,
        );
      }
    };
    await Promise.all(Array.from({ length: 40 }, one));
    const logins = ((await world.logins()) - asked) / ((performance.now() - startedAt) / 1000);
    return finding(`answers: ${tally}; ${logins.toFixed(0)} logins a second at the broker`, {
      'the broker is asked at most 20 times a second': logins <= 20,
    });
  },
};

export const passwordRaces: Attack = {
  name: 'password races',
  tries:
    'the right and a wrong password of 60 new users at the same time; then their passwords are changed while they post (`credentials_ttl: 1`)',
  promise: 'a wrong password is never 204, the right one always; an old one ends within `credentials_ttl`',
  gateway: { settings: { rabbitmq: { credentials_ttl: 1 } } },
  async run(world) {
    const [right, wrong, changed, old] = [new Tally(), new Tally(), new Tally(), new Tally()];
    for (let n = 0; n < 60; n += 1) {
      const user = await world.topology.addUser({ username: `race-${n}-${randomUUID()}`, password: 'right' });
      const wrongly = { user: { ...user, password: 'wrong' }, localAddress: `127.0.3.${1 + n}` };
      const posts = [1, 2, 3].flatMap(() => [
        world.post({ user }).then(({ status }) => right.add(status)),
        world.post(wrongly).then(({ status }) => wrong.add(status)),
      ]);
      await Promise.all(posts);
      if (n % 10 > 0) continue;
      await world.topology.addUser({ ...user, password: 'new' });
      changed.add((await world.post({ user: { ...user, password: 'new' } })).status);
      const until = performance.now() + 5_000;
      let status = 204;
      while (status === 204 && performance.now() < until) ({ status } = await world.post({ user }));
      old.add(status);
    }
    return finding(`right: ${right}; wrong: ${wrong}; new: ${changed}; old, in the end: ${old}`, {
      'the right password is 204': right.others(204) === 0,
      'a wrong password is never 204': wrong.of(204) === 0,
      'a new password is 204': changed.others(204) === 0,
      'an old password ends': old.of(204) === 0,
    });
  },
};

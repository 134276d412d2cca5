import { setTimeout as delay } from 'node:timers/promises';
import { type Attack, finding } from '../attack-contract.ts';
import { guess, judged, loopback, MAX_LEARNED } from '../support/guesses.ts';
import { Tally } from '../support/send.ts';

const PROMISE = `at most ${MAX_LEARNED} guesses a minute learn anything; neither status nor time tells the right one; the user is served throughout`;
const SECONDS = 30;
const GUESSES = 10_000;

export const fromOneAddress: Attack = {
  name: 'guessing, one address',
  tries:
    '10,000 guesses at the password of a login in use, from one address that is not its user’s; every 200th is right',
  promise: PROMISE,
  seconds: SECONDS,
  run: async (world, signal) =>
    judged(await guess(world, { guesses: GUESSES, signal, from: () => ({ localAddress: '127.0.0.2' }) })),
};

export const fourWorkers: Attack = {
  ...fromOneAddress,
  name: 'guessing, four workers',
  tries: 'the same, where four processes serve the port',
  gateway: { settings: { http: { workers: 4 } } },
};

export const fromAThousand: Attack = {
  ...fromOneAddress,
  name: 'guessing, a thousand addresses',
  tries: 'the same, from a thousand addresses in turn',
  run: async (world, signal) =>
    judged(await guess(world, { guesses: GUESSES, signal, from: (n) => ({ localAddress: loopback(n) }) })),
};

export const behindABelievedProxy: Attack = {
  ...fromOneAddress,
  name: 'guessing, a thousand addresses behind a proxy',
  tries: 'the same, from a thousand addresses that a believed proxy tells (`xheaders: true`)',
  gateway: { settings: { http: { xheaders: true } } },
  run: async (world, signal) =>
    judged(await guess(world, { guesses: GUESSES, signal, from: (n) => forwarded(`198.18.${n % 4}.${n % 250}`) })),
};

export const throughAProxy: Attack = {
  ...fromOneAddress,
  name: 'guessing, unknown address',
  tries:
    '10,000 guesses through a proxy that is not believed (`X-Forwarded-For` with any address, `xheaders: false`); every 200th is right; the user comes through the same proxy',
  promise: `at most ${MAX_LEARNED} guesses a minute learn anything; the user is served throughout`,
  async run(world, signal) {
    const served = new Tally();
    const over = new AbortController();
    const user = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const { status } = await world.post({ user: world.victim, ...forwarded('198.51.100.7') });
        served.add(status);
        await delay(50);
      }
    };
    const serving = user();
    await delay(500);
    const guessed = await guess(world, {
      guesses: GUESSES,
      signal,
      from: (n) => forwarded(`${1 + (n % 200)}.${n % 256}.0.1, 203.0.113.9`),
    });
    over.abort();
    await serving;
    const { made, answers, right } = guessed;
    const learned = answers.others(429);
    return finding(`${made} guesses: ${answers}; the right one: ${right}; its user: ${served}`, {
      [`at most ${MAX_LEARNED} guesses a minute learn anything (${learned} did)`]: learned <= MAX_LEARNED,
      'its user is served': served.others(204) === 0,
    });
  },
};

export const afterAReload: Attack = {
  ...fromOneAddress,
  name: 'guessing, around a reload',
  tries: '1,000 guesses from one address, SIGHUP, and 1,000 more',
  rolls: true,
  async run(world, signal) {
    const from = () => ({ localAddress: '127.0.0.2' });
    const before = await guess(world, { guesses: 1_000, signal, from });
    const old = world.backends;
    process.kill(world.supervisor, 'SIGHUP');
    while (!signal.aborted && !world.backends.some((pid) => !old.includes(pid))) await delay(50);
    await delay(1_500);
    const after = await guess(world, { guesses: 1_000, signal, from });
    const learned = before.answers.others(429) + after.answers.others(429);
    return finding(`before: ${before.answers}; after: ${after.answers}`, {
      [`at most ${MAX_LEARNED} guesses a minute learn anything (${learned} did)`]: learned <= MAX_LEARNED,
    });
  },
};

const forwarded = (addresses: string) => ({ headers: { 'x-forwarded-for': addresses } });

import { Agent } from 'node:http';
import { quantile } from '../../bench/clients.ts';
import { FORM } from '../../support/http.ts';
import { type Finding, finding } from '../attack-contract.ts';
import { type Call, Tally } from './send.ts';
import type { World } from './world.ts';

/** How many guesses may learn something, in a minute. */
export const MAX_LEARNED = 20;

export interface Guessing {
  readonly guesses: number;
  /** Where guess number n comes from. */
  readonly from: (n: number) => Pick<Call, 'localAddress' | 'headers'>;
  readonly signal: AbortSignal;
}

export interface Guessed {
  readonly made: number;
  readonly answers: Tally;
  /** What the right password was answered, which is hidden among the others. */
  readonly right: Tally;
  readonly wrongMs: readonly number[];
  readonly rightMs: readonly number[];
}

const AT_ONCE = 40;
/** One guess in so many is right, once there were as many wrong ones. */
const RIGHT_EVERY = 200;

/** Guesses at the password of a login that is in use. */
export async function guess(world: World, { guesses, from, signal }: Guessing): Promise<Guessed> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 * AT_ONCE });
  const answers = new Tally();
  const right = new Tally();
  const wrongMs: number[] = [];
  const rightMs: number[] = [];
  const { username, password } = world.victim;
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < guesses && !signal.aborted) {
      next += 1;
      const n = next;
      const isRight = n % RIGHT_EVERY === 0;
      const user = { username, password: isRight ? password : `guess-${n}-${process.pid}` };
      const { headers, ...place } = from(n);
      const call = { user, agent, ...place, headers: { ...FORM, ...headers }, body: 'body=x' };
      const { status, milliseconds } = await world.post(call);
      // What the attacker did not wait for told him nothing.
      if (signal.aborted && milliseconds > 1_000) break;
      answers.add(status);
      if (isRight) right.add(status);
      (isRight ? rightMs : wrongMs).push(milliseconds);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  agent.destroy();
  return { made: answers.total, answers, right, wrongMs, rightMs };
}

/** What came of guesses within a minute, where a throttled guess is a 429. */
export function judged({ made, answers, right, wrongMs, rightMs }: Guessed): Finding {
  const learned = answers.others(429);
  const [rightMedian, wrongMedian] = [quantile(rightMs, 0.5), quantile(wrongMs, 0.5)];
  const apart = Math.abs(rightMedian - wrongMedian);
  return finding(
    `${made} guesses: ${answers}; the right one: ${right}, after ${rightMedian.toFixed(1)} ms (median), wrong ones ${wrongMedian.toFixed(1)} ms`,
    {
      [`at most ${MAX_LEARNED} guesses a minute learn anything (${learned} did)`]: learned <= MAX_LEARNED,
      'the right password is answered as the wrong ones': right.others(429) === 0,
      'the right password takes as long as the wrong ones': apart < 2 || apart < 0.3 * wrongMedian,
    },
  );
}

/** One of a thousand loopback addresses. */
export const loopback = (n: number): string => `127.0.${1 + Math.floor((n % 1_000) / 250)}.${1 + (n % 250)}`;

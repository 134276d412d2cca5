import { quantile } from '../bench/clients.ts';
import type { Of, Seen } from './support/bystanders.ts';

const MIN_RATE_KEPT = 0.8;
const MAX_P99_MS = 100;

/** What became of the gateway's processes. */
export interface Deaths {
  /** How often the kernel killed one for want of memory. */
  readonly kills: number;
  /** How many backends there were at the beginning and are no more. */
  readonly replaced: number;
  /** Whether the supervisor has ended. */
  readonly ended: boolean;
}

/** The gateway's memory, and how it was limited. */
export interface Memory {
  readonly peakBytes: number;
  readonly limitedBy: string;
}

/** What the bystanders of an attack saw. */
export interface Beside extends Deaths, Memory {
  /** Confirmed posts a second, before and during the attack. */
  readonly before: number;
  readonly during: number;
  /** Confirmed posts a second during the attack, of the gateway that is not attacked. */
  readonly control: number;
  /** Honest posts of the whole run, and those that were answered by something else than 204. */
  readonly posts: number;
  readonly refused: readonly string[];
  /** Answered 204, and in no queue. */
  readonly lost: number;
  /** Milliseconds until /healthz answered during the attack. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The same of the gateway that is not attacked. */
  readonly controlP99: number;
}

/** Moments, as Date.now() has them: the clients are at their rate, the attack begins, it has ended. */
export interface Moments {
  readonly warm: number;
  readonly begin: number;
  readonly end: number;
}

/** @param found how often each message's id was in the queue */
export function figuresOf(
  { posts, probes }: Seen,
  found: ReadonlyMap<string, number>,
  { warm, begin, end }: Moments,
  processes: Deaths & Memory,
): Beside {
  const confirmed = posts.filter(({ status }) => status === 204);
  const rate = (of: Of, from: number, to: number): number => {
    const within = confirmed.filter((post) => {
      const answeredAt = post.at + post.milliseconds;
      return post.of === of && answeredAt >= from && answeredAt < to;
    });
    return (1000 * within.length) / (to - from);
  };
  const during = probes.filter(({ at }) => at >= begin && at < end);
  const times = (of: Of): number[] => during.filter((probe) => probe.of === of).map(({ milliseconds }) => milliseconds);
  const health = times('attacked');
  const attacked = posts.filter(({ of }) => of === 'attacked');
  const refused = attacked.filter(({ status }) => status !== 204);
  return {
    ...processes,
    before: rate('attacked', warm, begin),
    during: rate('attacked', begin, end),
    control: rate('control', begin, end),
    posts: attacked.length,
    refused: refused.map(({ status, error }) => `${status} ${error}`.trim()),
    lost: confirmed.filter(({ id }) => !found.has(id)).length,
    p50: quantile(health, 0.5),
    p99: quantile(health, 0.99),
    max: Math.max(...health),
    controlP99: quantile(times('control'), 0.99),
  };
}

/** What holds for all attacks, and did not: what is so on any machine, and what a busy one alone can be the cause of. */
export function judge(beside: Beside): { readonly broken: string[]; readonly late: string[] } {
  const { before, during, control, refused, lost, p99, controlP99, kills, replaced, ended } = beside;
  const others = [...new Set(refused)].slice(0, 3).join('; ');
  return {
    broken: failures({
      'the supervisor lives': !ended,
      'no process is killed for want of memory': kills === 0,
      'no backend dies': replaced === 0,
      [`honest posts are all 204 (${refused.length} were not: ${others})`]: refused.length === 0,
      [`what was answered 204 is in the queue (${lost} are not)`]: lost === 0,
    }),
    late: failures({
      // Load generators, broker and gateways share the machine: what all of them lose is not the gateway's fault.
      'honest clients keep 80 % of their rate': during >= MIN_RATE_KEPT * Math.min(before, control),
      '/healthz answers within 100 ms (p99)': p99 < MAX_P99_MS + controlP99,
    }),
  };
}

const failures = (conditions: Readonly<Record<string, boolean>>): string[] =>
  Object.entries(conditions).flatMap(([promise, holds]) => (holds ? [] : [promise]));

import type { BackendStats, InstallationStats, TotalStats } from '../handler/stats.ts';

/** What is shown: all backends (`''`), or one by its port and worker. */
export type View = string;

export const ALL: View = '';

export const viewOf = ({ port, worker }: Pick<BackendStats, 'port' | 'worker'>): View => `${port}/${worker}`;

export function statsIn(view: View, { backends, total }: InstallationStats): TotalStats | undefined {
  return view === ALL ? total : backends.find((backend) => viewOf(backend) === view);
}

/** What a moment looks like: levels as they are, and counters as what they grew by each second. */
export interface Figures {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly published: number;
  /** Answers by the first digit of their status. */
  readonly refused: number;
  readonly failed: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly inFlight: number;
  readonly held: number;
  readonly heldBytes: number;
  /** Percent of one processor. */
  readonly cpu: number;
  readonly memoryBytes: number;
  /** Milliseconds. */
  readonly eventLoopDelay: number;
  /** What went wrong since the moment before. */
  readonly troubles: Readonly<Record<Trouble, number>>;
}

/** Counters of connections that say where it hurts, and the refused logins. */
export const TROUBLE_NAMES = ['logins_refused', 'refused', 'unroutable', 'nacked', 'republished', 'abandoned'] as const;

export type Trouble = (typeof TROUBLE_NAMES)[number];

export const TROUBLES: Readonly<Record<Trouble, string>> = {
  logins_refused: 'logins refused',
  refused: 'messages refused by the broker',
  unroutable: 'messages unroutable',
  nacked: 'messages rejected by a queue',
  republished: 'messages republished',
  abandoned: 'messages abandoned',
};

/** What came of the time between two answers of the gateway; undefined where a counter began anew in it. */
export function figuresOf(at: number, elapsed: number, now: TotalStats, before: TotalStats): Figures | undefined {
  const grown = (of: (stats: TotalStats) => number): number => of(now) - of(before);
  const perSecond = (of: (stats: TotalStats) => number): number => grown(of) / elapsed;
  const answers = (digit: string): number => perSecond((stats) => answersOf(stats, digit));
  const cpuSeconds = grown(({ cpu_time }) => cpu_time.system + cpu_time.user);
  if (cpuSeconds < 0 || answers('') < 0) return undefined;
  return {
    at,
    published: perSecond((stats) => sumOf(stats, 'publishes')),
    refused: answers('4'),
    failed: answers('5'),
    p50: now.latency.p50 * 1000,
    p95: now.latency.p95 * 1000,
    p99: now.latency.p99 * 1000,
    inFlight: sumOf(now, 'in_flight'),
    held: now.held.messages,
    heldBytes: now.held.bytes,
    cpu: (cpuSeconds / elapsed) * 100,
    memoryBytes: now.resident_memory * 1024,
    eventLoopDelay: now.event_loop_delay.p99 * 1000,
    troubles: {
      logins_refused: grown((stats) => stats.logins_refused),
      refused: grown((stats) => sumOf(stats, 'refused')),
      unroutable: grown((stats) => sumOf(stats, 'unroutable')),
      nacked: grown((stats) => sumOf(stats, 'nacked')),
      republished: grown((stats) => sumOf(stats, 'republished')),
      abandoned: grown((stats) => sumOf(stats, 'abandoned')),
    },
  };
}

export type ConnectionCounter = Exclude<Trouble, 'logins_refused'> | 'publishes' | 'in_flight' | 'queue_size';

export function sumOf({ connections, forgotten }: TotalStats, counter: ConnectionCounter): number {
  const past = counter === 'in_flight' || counter === 'queue_size' ? 0 : forgotten[counter];
  return Object.values(connections).reduce((sum, connection) => sum + connection[counter], past);
}

function answersOf({ requests }: TotalStats, digit: string): number {
  const counts = Object.entries(requests).filter(([key]) => key.startsWith(`response.${digit}`));
  return counts.reduce((sum, [, count]) => sum + count, 0);
}

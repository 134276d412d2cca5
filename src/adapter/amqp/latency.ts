/** Latencies fall into buckets a factor of 2^(1/4) wide, from 8 µs up: good to 10 % and cheap to count. */
const BUCKETS_PER_OCTAVE = 4;
const FIRST_BUCKET_MS = 0.008;
const BUCKETS = 100;

export interface LatencySummary {
  /** Seconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** A histogram. It can be sent to another process. */
export interface Latencies {
  /** By bucket. Doubles, for a counter of 32 bits would be full within days. */
  readonly counts: Float64Array;
  sumMs: number;
  maxMs: number;
}

export const noLatencies = (): Latencies => ({ counts: new Float64Array(BUCKETS), sumMs: 0, maxMs: 0 });

export function mergeLatencies(all: Iterable<Latencies>): Latencies {
  const merged = noLatencies();
  for (const { counts, sumMs, maxMs } of all) {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1)
      merged.counts[bucket] = (merged.counts[bucket] ?? 0) + (counts[bucket] ?? 0);
    merged.sumMs += sumMs;
    merged.maxMs = Math.max(merged.maxMs, maxMs);
  }
  return merged;
}

export function summarize({ counts, maxMs }: Latencies): LatencySummary {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const quantile = (q: number): number => {
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += counts[bucket] ?? 0;
      if (total > 0 && seen >= q * total) return Math.min(maxMs, upperBoundMs(bucket)) / 1000;
    }
    return 0;
  };
  return { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), max: maxMs / 1000 };
}

const upperBoundMs = (bucket: number): number => FIRST_BUCKET_MS * 2 ** (bucket / BUCKETS_PER_OCTAVE);

/** A quarter of a millisecond to 16 s. */
const FIRST_OCTAVE = 5;
const LAST_OCTAVE = 21;

/** How many took so many seconds or less, at each doubling: a histogram as Prometheus has it. */
export function cumulativeOctaves({ counts }: Latencies): { readonly seconds: number; readonly count: number }[] {
  const octaves: { readonly seconds: number; readonly count: number }[] = [];
  let count = 0;
  for (let bucket = 0; bucket <= LAST_OCTAVE * BUCKETS_PER_OCTAVE; bucket += 1) {
    count += counts[bucket] ?? 0;
    if (bucket % BUCKETS_PER_OCTAVE === 0 && bucket >= FIRST_OCTAVE * BUCKETS_PER_OCTAVE)
      octaves.push({ seconds: upperBoundMs(bucket) / 1000, count });
  }
  return octaves;
}

const PERIOD_MS = 60_000;

/**
 * Times from a message's arrival to its confirm, over the last one to two minutes and over all time. A histogram takes a
 * kilobyte: there is none before there is something to count.
 */
export class LatencyWindow {
  #current: Latencies | undefined;
  #previous: Latencies | undefined;
  /** Before `#current`, the previous ones included. */
  #past: Latencies | undefined;
  #rotatedAt = performance.now();

  add(milliseconds: number): void {
    const octaves = Math.log2(Math.max(milliseconds, FIRST_BUCKET_MS) / FIRST_BUCKET_MS);
    const bucket = Math.min(BUCKETS - 1, Math.ceil(octaves * BUCKETS_PER_OCTAVE));
    this.#current ??= noLatencies();
    const { counts } = this.#current;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    this.#current.sumMs += milliseconds;
    if (milliseconds > this.#current.maxMs) this.#current.maxMs = milliseconds;
  }

  /** Called every now and then: the window moves on. */
  rotate(now: number): void {
    const age = now - this.#rotatedAt;
    if (age < PERIOD_MS) return;
    if (this.#current) this.#past = merged(this.#past, this.#current);
    this.#previous = age >= 2 * PERIOD_MS ? undefined : this.#current;
    this.#current = undefined;
    this.#rotatedAt = now;
  }

  get recent(): Latencies {
    return merged(this.#previous, this.#current);
  }

  get lifetime(): Latencies {
    return merged(this.#past, this.#current);
  }
}

const merged = (...all: (Latencies | undefined)[]): Latencies =>
  mergeLatencies(all.filter((each) => each !== undefined));

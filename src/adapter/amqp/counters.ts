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

/** Time from a message's arrival to its confirm, over the last one to two minutes. */
export class LatencyWindow {
  #current = new Uint32Array(BUCKETS);
  #previous = new Uint32Array(BUCKETS);
  #currentMax = 0;
  #previousMax = 0;
  #rotatedAt = performance.now();

  static readonly #PERIOD_MS = 60_000;

  add(milliseconds: number): void {
    const octaves = Math.log2(Math.max(milliseconds, FIRST_BUCKET_MS) / FIRST_BUCKET_MS);
    const bucket = Math.min(BUCKETS - 1, Math.ceil(octaves * BUCKETS_PER_OCTAVE));
    this.#current[bucket] = (this.#current[bucket] ?? 0) + 1;
    if (milliseconds > this.#currentMax) this.#currentMax = milliseconds;
  }

  /** Called now and then: what is older than two periods is forgotten. */
  rotate(now: number): void {
    if (now - this.#rotatedAt < LatencyWindow.#PERIOD_MS) return;
    const stale = now - this.#rotatedAt >= 2 * LatencyWindow.#PERIOD_MS;
    this.#previous = stale ? new Uint32Array(BUCKETS) : this.#current;
    this.#previousMax = stale ? 0 : this.#currentMax;
    this.#current = new Uint32Array(BUCKETS);
    this.#currentMax = 0;
    this.#rotatedAt = now;
  }

  /** One summary over several windows. */
  static summary(windows: Iterable<LatencyWindow>): LatencySummary {
    const counts = new Uint32Array(BUCKETS);
    let total = 0;
    let max = 0;
    const now = performance.now();
    for (const window of windows) {
      window.rotate(now);
      max = Math.max(max, window.#currentMax, window.#previousMax);
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        const count = (window.#current[bucket] ?? 0) + (window.#previous[bucket] ?? 0);
        counts[bucket] = (counts[bucket] ?? 0) + count;
        total += count;
      }
    }
    const quantile = (q: number): number => {
      let seen = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        seen += counts[bucket] ?? 0;
        if (total > 0 && seen >= q * total)
          return Math.min(max, FIRST_BUCKET_MS * 2 ** (bucket / BUCKETS_PER_OCTAVE)) / 1000;
      }
      return 0;
    };
    return {
      p50: quantile(0.5),
      p95: quantile(0.95),
      p99: quantile(0.99),
      max: max / 1000,
    };
  }
}

/** What one connection has done. They only grow. */
export class Counters {
  connectionsOpened = 0;
  connectionsClosed = 0;
  channelsOpened = 0;
  channelsClosed = 0;
  /** Messages confirmed. */
  publishes = 0;
  /** Messages that the broker refused. */
  refused = 0;
  /** Messages that no queue took and that asked to be told. */
  unroutable = 0;
  nacked = 0;
  /** Attempts after the first. */
  republished = 0;
  abandoned = 0;

  add(other: Counters): void {
    this.connectionsOpened += other.connectionsOpened;
    this.connectionsClosed += other.connectionsClosed;
    this.channelsOpened += other.channelsOpened;
    this.channelsClosed += other.channelsClosed;
    this.publishes += other.publishes;
    this.refused += other.refused;
    this.unroutable += other.unroutable;
    this.nacked += other.nacked;
    this.republished += other.republished;
    this.abandoned += other.abandoned;
  }
}

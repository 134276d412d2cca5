import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
const PERIOD_MS = 5_000;

/** Seconds. */
export interface EventLoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** By how much the event loop is late, over the last five seconds that are complete. */
export class EventLoopWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #delay: EventLoopDelay = { p50: 0, p99: 0, max: 0 };

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#rotate(), PERIOD_MS);
    this.#timer.unref();
  }

  get delay(): EventLoopDelay {
    return this.#delay;
  }

  close(): void {
    this.#histogram.disable();
    clearInterval(this.#timer);
  }

  #rotate(): void {
    const { count, max } = this.#histogram;
    const late = (nanoseconds: number): number =>
      count > 0 ? Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) / 1e3 : 0;
    const percentile = (p: number): number => late(this.#histogram.percentile(p));
    this.#delay = { p50: percentile(50), p99: percentile(99), max: late(max) };
    this.#histogram.reset();
  }
}

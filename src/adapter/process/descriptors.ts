import { closeSync, openSync, readFileSync } from 'node:fs';

/** What Node, the supervisor's channel, log files and listening sockets take. */
const RESERVED = 32;

const CHECK_MS = 5_000;
const REPORT_MS = 60_000;

/** As many descriptors as this process may have open (RLIMIT_NOFILE); infinite where that is not known. */
export function maxDescriptors(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    // Not Linux.
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * How many connections of clients there may be, with room for those to RabbitMQ, each twice while it is renewed: up to a
 * quarter of all.
 */
export function connectionsWithin(descriptors: number, brokerConnections: number): number {
  return Math.max(1, descriptors - RESERVED - Math.min(2 * brokerConnections, Math.floor(descriptors / 4)));
}

/**
 * Notices that no descriptor is left. Nothing else tells: libuv accepts connections without one by closing them at once,
 * without a word.
 */
export class DescriptorWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #report: () => void;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #exhausted = 0;

  /** @param report called once a minute at most */
  constructor(report: () => void) {
    this.#report = report;
    this.#timer = setInterval(() => this.check(), CHECK_MS);
    this.#timer.unref();
  }

  /** How often none was left. */
  get exhausted(): number {
    return this.#exhausted;
  }

  check(): void {
    try {
      closeSync(openSync('/dev/null', 'r'));
    } catch {
      this.#exhausted += 1;
      if (performance.now() - this.#reportedAt < REPORT_MS) return;
      this.#reportedAt = performance.now();
      this.#report();
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

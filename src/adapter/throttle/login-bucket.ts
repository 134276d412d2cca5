import type { Gate } from './gate.ts';
import { Refusals } from './refusals.ts';
import type { LoginAttempt } from './throttle.ts';
import type { Tries } from './tries.ts';
import { isFresh, WaitingLine } from './waiting-line.ts';

export interface BucketOptions {
  /** Logins that may count at once. */
  readonly burst: number;
  /** Then one more each so many milliseconds. */
  readonly intervalMs: number;
  /** How many may wait for that; all others are refused at once. */
  readonly seats: number;
  /** Seats are given to places, one each, and not to whoever comes. */
  readonly seatForEachPlace: boolean;
  /**
   * So many who waited in a row, each from an origin that had hardly tried yet, may turn out to count. Then origins are
   * invented, and for a while nobody waits: whoever finds a token takes it.
   */
  readonly patience: number;
  /** While all that counts comes from one address, it needs no token: it has a bound of its own. */
  readonly exemptsOneAddress: boolean;
}

/** Logins that wait for what becomes of those under way, which mostly is no refusal. */
const MAX_LINE = 200;

/** What patience needs to grow again by one. */
const PATIENCE_MS = 30_000;

/** A login under way. Whoever comes with the same one joins: it is one guess. */
interface Lease {
  holders: number;
  counts: boolean;
  readonly origin: string;
  /** Has a token to bring back. */
  readonly paid: boolean;
  /** Waited for its token, and came from an origin that had hardly tried yet. */
  readonly waitedFresh: boolean;
}

/**
 * Slows logins down without shutting anybody out for long: each takes a token and brings it back unless it counts. Where
 * there is none, the login waits for the next one (see `WaitingLine`).
 */
export class LoginBucket implements Gate {
  readonly #key: string;
  readonly #options: BucketOptions;
  readonly #tries: Tries;
  readonly #counted = new Refusals();
  /** Where they came from. */
  readonly #origins = new Refusals();
  readonly #leases = new Map<string, Lease>();
  readonly #line = new WaitingLine();
  #tokens: number;
  #filledAt = performance.now();
  #impatience = 0;
  #calmedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(key: string, options: BucketOptions, tries: Tries) {
    this.#key = key;
    this.#options = options;
    this.#tries = tries;
    this.#tokens = options.burst;
  }

  get busy(): boolean {
    return this.#leases.size > 0 || this.#line.length > 0;
  }

  weight(): number {
    return this.#counted.size;
  }

  enter(attempt: LoginAttempt, until: number): boolean | Promise<boolean> {
    const { login, place, origin } = attempt;
    const tries = { place: this.#tries.add(this.#key, place), origin: this.#tries.add(this.#key, place, origin) };
    const lease = this.#leases.get(login);
    if (lease) {
      lease.holders += 1;
      return true;
    }
    this.#refill();
    const paid = this.#tokens >= 1;
    if (this.#line.length === 0 && (paid || (attempt.addressed && this.#isAlone(origin)))) {
      if (paid) this.#tokens -= 1;
      this.#leases.set(login, { holders: 1, counts: false, origin, paid, waitedFresh: false });
      return true;
    }
    const entered = this.#line.wait(attempt, tries, Math.max(0, until - performance.now()));
    this.#advance();
    return entered;
  }

  leave(login: string, counts: boolean): void {
    const lease = this.#leases.get(login);
    if (!lease) return;
    lease.holders -= 1;
    lease.counts ||= counts;
    if (lease.holders > 0) return;
    this.#leases.delete(login);
    if (lease.counts) this.#origins.add(lease.origin);
    if (lease.counts && this.#counted.add(login)) {
      if (lease.waitedFresh) this.#impatience += 1;
    } else if (lease.paid) {
      this.#tokens = Math.min(this.#options.burst, this.#tokens + 1);
    }
    if (!lease.counts) this.#impatience = 0;
    this.#advance();
  }

  retryAfterSeconds(): number {
    this.#refill();
    return Math.max(1, Math.ceil(this.#untilNextToken / 1000));
  }

  get #untilNextToken(): number {
    return Math.max(0, this.#filledAt + this.#options.intervalMs - performance.now());
  }

  /** Nothing is under way and nothing has counted lately but from there. */
  #isAlone(origin: string): boolean {
    if (!this.#options.exemptsOneAddress || !this.#origins.areOnly(origin)) return false;
    for (const lease of this.#leases.values()) if (lease.origin !== origin) return false;
    return true;
  }

  #refill(): void {
    const now = performance.now();
    const { burst, intervalMs } = this.#options;
    const more = Math.floor((now - this.#filledAt) / intervalMs);
    this.#tokens = Math.min(burst, this.#tokens + more);
    // A full bucket starts to fill when something is taken from it.
    this.#filledAt = this.#tokens === burst ? now : this.#filledAt + more * intervalMs;
    const calmer = Math.floor((now - this.#calmedAt) / PATIENCE_MS);
    this.#impatience = Math.max(0, this.#impatience - calmer);
    this.#calmedAt += calmer * PATIENCE_MS;
  }

  #advance(): void {
    this.#refill();
    while (this.#tokens >= 1 && this.#line.length > 0)
      this.#line.admitFirst((login, origin, holders, tries) => {
        this.#tokens -= 1;
        this.#leases.set(login, { holders, counts: false, origin, paid: true, waitedFresh: isFresh(tries) });
      });
    this.#trim();
    clearTimeout(this.#timer);
    if (this.#line.length === 0) return;
    this.#timer = setTimeout(() => this.#advance(), this.#untilNextToken);
    this.#timer.unref();
  }

  /** While logins are under way, their tokens may come back. */
  #trim(): void {
    const { seats, seatForEachPlace, patience } = this.#options;
    if (this.#leases.size > 0) this.#line.keep(MAX_LINE);
    else if (this.#impatience >= patience) this.#line.keep(0);
    else if (seatForEachPlace) this.#line.keepOfEachPlace(seats);
    else this.#line.keep(seats);
  }
}

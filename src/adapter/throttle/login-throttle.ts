import { type Gate, GateTable } from './gate.ts';
import { type BucketOptions, LoginBucket } from './login-bucket.ts';
import { LoginWindow } from './login-window.ts';
import { SucceededLogins } from './succeeded-logins.ts';
import type { LoginAttempt, Permit, Throttle } from './throttle.ts';
import { Tries } from './tries.ts';

/** Refused logins a minute from one address, or from one /64 network of IPv6. */
const MAX_OF_ADDRESS = 20;

/** Refused logins of one user name, wherever they come from: at most 20 in any minute. */
const OF_NAME: BucketOptions = {
  burst: 4,
  // Below publish_timeout's default, so that whoever waits is served before it.
  intervalMs: 3_750,
  seats: 4,
  seatForEachPlace: true,
  // Somebody who made 20 mistakes, one after the other, is still served.
  patience: 17,
  exemptsOneAddress: true,
};

/**
 * Refused logins from one place that has many clients, or one that can be many: a peer whose clients' addresses are
 * unknown, an IPv6 site with its 65,536 networks of /64. At most 200 in any minute.
 */
const OF_PLACE: BucketOptions = {
  burst: 50,
  intervalMs: 400,
  seats: 10,
  seatForEachPlace: false,
  patience: Number.POSITIVE_INFINITY,
  exemptsOneAddress: false,
};

/**
 * Refused logins behind one trusted proxy whose word about addresses is hearsay: it may be a client with an address of the
 * trusted networks, which invents them. At most 40 in any minute.
 */
const OF_HEARSAY: BucketOptions = {
  burst: MAX_OF_ADDRESS,
  intervalMs: 3_000,
  seats: 4,
  seatForEachPlace: false,
  patience: 3,
  exemptsOneAddress: false,
};

/** Connections that the broker refused to one user, whose password it accepted: a vhost is missing, a limit is reached. */
const OF_CREDENTIALS: BucketOptions = {
  burst: 45,
  intervalMs: 1_000,
  seats: 1,
  seatForEachPlace: false,
  patience: Number.POSITIVE_INFINITY,
  exemptsOneAddress: false,
};

/** A gate, and the verdict that counts there. */
interface Bound {
  readonly gate: Gate;
  readonly counts: 'refused' | 'limited';
}

/**
 * Bounds how many passwords can be guessed, and how often the broker is asked in vain.
 *
 * A login that has succeeded from its origin passes. All others are treated alike, right or wrong: so neither an answer
 * nor its speed tells a right one. What shuts out (a window) goes by addresses alone, so nobody shuts out another. What
 * goes by names and peers only slows (a bucket).
 */
export class LoginThrottle implements Throttle {
  readonly #tries = new Tries();
  readonly #succeeded = new SucceededLogins();
  readonly #addresses = new GateTable(() => new LoginWindow(MAX_OF_ADDRESS));
  readonly #names = this.#buckets(OF_NAME);
  readonly #places = this.#buckets(OF_PLACE);
  readonly #hearsay = this.#buckets(OF_HEARSAY);
  readonly #credentials = this.#buckets(OF_CREDENTIALS);

  async enter(attempt: LoginAttempt, withinMs: number): Promise<Permit> {
    const { login, origin } = attempt;
    const until = performance.now() + withinMs;
    const known = this.#succeeded.has(login, origin);
    const entered: Bound[] = [];
    for (const { gate, counts } of known ? [] : this.#gatesOf(attempt)) {
      const entering = gate.enter(attempt, until);
      if (typeof entering === 'boolean' ? entering : await entering) {
        entered.push({ gate, counts });
        continue;
      }
      for (const { gate: other } of entered.toReversed()) other.leave(login, false);
      return { kind: 'throttled', retryAfterSeconds: gate.retryAfterSeconds() };
    }
    return {
      kind: 'permitted',
      end: (verdict) => {
        if (verdict === 'succeeded') this.#succeeded.add(login, origin);
        if (verdict === 'refused') this.#succeeded.forget(login);
        for (const { gate, counts } of entered.toReversed()) gate.leave(login, verdict === counts);
      },
    };
  }

  /** In this order: who is shut out is told so at once, and who waits for a name takes nothing from its place. */
  *#gatesOf({ addressed, hearsay, origin, place, username, credentials }: LoginAttempt): Iterable<Bound> {
    if (addressed) yield { gate: this.#addresses.of(origin), counts: 'refused' };
    if (username !== undefined) yield { gate: this.#names.of(username), counts: 'refused' };
    if (hearsay) yield { gate: this.#hearsay.of(place), counts: 'refused' };
    else if (!addressed || place !== origin) yield { gate: this.#places.of(place), counts: 'refused' };
    yield { gate: this.#credentials.of(credentials), counts: 'limited' };
  }

  #buckets(options: BucketOptions): GateTable<LoginBucket> {
    return new GateTable((key) => new LoginBucket(key, options, this.#tries));
  }
}

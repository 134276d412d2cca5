import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../handler/publisher.ts';
import { Backoff } from './backoff.ts';
import type { Connection, LoginOutcome } from './connection.ts';
import { CredentialsIndex } from './credentials-index.ts';
import type { Login } from './link.ts';
import { LoginThrottle } from './login-throttle.ts';
import type { LoginRefusal } from './outcomes.ts';

/** Logins tried at once. */
const MAX_ATTEMPTS = 64;

/** Requests that wait for one, their bodies unread. */
const MAX_WAITING = 1_000;

/** A refused login is answered from memory for this long. */
const REFUSAL_TTL_MS = 3_000;

const MAX_REFUSALS = 10_000;

const MAX_BACKOFF_MS = 1_000;

interface Attempt {
  readonly result: Promise<LoginAttemptOutcome>;
  waiting: number;
}

/** `open`: the connection has its place in the map. */
export type LoginAttemptOutcome =
  | { readonly kind: 'open'; readonly connection: Connection }
  | { readonly kind: 'busy' }
  | LoginRefusal;

/** What a login needs of the map that its connection is to stand in. */
export interface LoginHost {
  /** For a token, the one that it would share. */
  connectionFor(login: Login): Connection;
  /** Why the login is refused without the broker being asked, if it is. */
  judge(login: Login): LoginRefusal | undefined;
  /** The connection that stands there already, and may be used. */
  find(login: Login): Connection | undefined;
  /** The login has succeeded. Gives the connection a place, unless all are busy, and returns the one that has it. */
  add(connection: Connection, login: Login): Connection | undefined;
  /** The login has not succeeded, and is not tried again. */
  drop(connection: Connection, login: Login): void;
  /** The broker has refused the login. */
  onRefused(login: Login): void;
}

export type LoginWaitOutcome =
  | LoginAttemptOutcome
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'broker-unavailable' }
  | { readonly kind: 'shutting-down' }
  | { readonly kind: 'too-many-failed-logins'; readonly retryAfterSeconds: number };

/**
 * First logins: concurrent ones with the same credentials share one attempt, a refusal is remembered for a moment,
 * and while the broker is away they wait in an allowance of their own, so that strangers cannot fill what known
 * users need.
 */
export class Logins {
  readonly #host: LoginHost;
  readonly #attempts = new CredentialsIndex<Attempt>();
  readonly #refusals = new CredentialsIndex<LoginRefusal>();
  readonly #refused: {
    readonly login: Login;
    readonly refusal: LoginRefusal;
    readonly until: number;
  }[] = [];
  readonly #throttle = new LoginThrottle();
  readonly #closed: Promise<{ readonly kind: 'shutting-down' }>;
  #onClose: (ending: { readonly kind: 'shutting-down' }) => void = () => {};
  #waiting = 0;
  #refusedCount = 0;

  constructor(host: LoginHost) {
    this.#host = host;
    this.#closed = new Promise((resolve) => {
      this.#onClose = resolve;
    });
  }

  /** Logins that the broker refused, so far. */
  get refused(): number {
    return this.#refusedCount;
  }

  /** Why this login is refused, where the broker need not be asked: it refused it a moment ago, or could not read it. */
  known(login: Login): LoginRefusal | undefined {
    this.#forgetOld();
    return this.#refusals.get(login) ?? this.#host.judge(login);
  }

  remember(login: Login, refusal: LoginRefusal): void {
    this.#forgetOld();
    if (this.#refusals.size >= MAX_REFUSALS || this.#refusals.get(login)) return;
    this.#refusals.set(login, refusal);
    this.#refused.push({
      login,
      refusal,
      until: performance.now() + REFUSAL_TTL_MS,
    });
  }

  /**
   * Asks the broker once more about a login that it has accepted; the throttle is for others. Undefined where too many
   * are tried already.
   */
  again(login: Login): Promise<LoginAttemptOutcome> | undefined {
    return (this.#attempts.get(login) ?? this.#start(login))?.result;
  }

  /** Who waits is told that all ends. */
  close(): void {
    this.#onClose({ kind: 'shutting-down' });
  }

  /** Waits for a login, its own or one on its way, for so long at most. */
  async wait(login: Login, client: Client, timeoutMs: number): Promise<LoginWaitOutcome> {
    if (this.#waiting >= MAX_WAITING) return { kind: 'overloaded' };
    const timeout = new AbortController();
    this.#waiting += 1;
    const outcome = await Promise.race([
      this.#join(login, client, timeout.signal),
      delay(timeoutMs, { kind: 'broker-unavailable' } as const, { signal: timeout.signal }),
      this.#closed,
    ]);
    this.#waiting -= 1;
    timeout.abort();
    return outcome;
  }

  async #join(login: Login, client: Client, gone: AbortSignal): Promise<LoginWaitOutcome> {
    const underWay = this.#attempts.get(login);
    if (underWay) return this.#await(underWay, gone);
    const permit = await this.#throttle.enter(client, login);
    if (permit.kind === 'throttled') return { ...permit, kind: 'too-many-failed-logins' };
    // While it queued, another request may have started, or even finished, the same login.
    const connection = this.#host.find(login);
    const known = connection ? ({ kind: 'open', connection } as const) : this.known(login);
    const attempt = known || gone.aborted ? undefined : (this.#attempts.get(login) ?? this.#start(login));
    if (!attempt) {
      permit.release();
      return known ?? { kind: 'overloaded' };
    }
    void attempt.result.then((outcome) => {
      if (outcome.kind === 'login-refused' && !outcome.unasked) permit.refused(login);
      permit.release();
    });
    return this.#await(attempt, gone);
  }

  #await(attempt: Attempt, gone: AbortSignal): Promise<LoginAttemptOutcome> {
    attempt.waiting += 1;
    gone.addEventListener('abort', () => {
      attempt.waiting -= 1;
    });
    return attempt.result;
  }

  #start(login: Login): Attempt | undefined {
    if (this.#attempts.size >= MAX_ATTEMPTS) return undefined;
    const attempt: Attempt = { waiting: 0, result: this.#run(login, () => attempt.waiting > 0) };
    this.#attempts.set(login, attempt);
    void attempt.result.finally(() => this.#attempts.delete(login, attempt));
    return attempt;
  }

  /** Tries while somebody waits. The broker's refusal is final, its silence is not. */
  async #run(login: Login, wanted: () => boolean): Promise<LoginAttemptOutcome> {
    const connection = this.#host.connectionFor(login);
    const backoff = new Backoff(MAX_BACKOFF_MS);
    backoff.next();
    for (;;) {
      const outcome: LoginOutcome = await connection.connect(login);
      // Even where nobody waits any more: the next request has it.
      if (outcome.kind === 'open') {
        const standing = this.#host.add(connection, login);
        return standing ? { kind: 'open', connection: standing } : { kind: 'busy' };
      }
      if (outcome.kind !== 'unreachable') {
        if (outcome.kind === 'login-refused' && !outcome.unasked) this.#refusedCount += 1;
        if (outcome.kind !== 'broker-limit' && !outcome.unasked) {
          this.remember(login, outcome);
          this.#host.onRefused(login);
        }
        this.#host.drop(connection, login);
        return outcome;
      }
      if (!wanted()) {
        this.#host.drop(connection, login);
        return { kind: 'busy' };
      }
      await delay(backoff.next());
    }
  }

  #forgetOld(): void {
    const now = performance.now();
    for (let oldest = this.#refused[0]; oldest && oldest.until <= now; oldest = this.#refused[0]) {
      this.#refused.shift();
      this.#refusals.delete(oldest.login, oldest.refusal);
    }
  }
}

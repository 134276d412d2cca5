import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../handler/publisher.ts';
import { attemptOf, type LoginAttempt, type LoginVerdict, type Throttle } from '../throttle/throttle.ts';
import { Backoff } from './backoff.ts';
import type { Connection, LoginOutcome } from './connection.ts';
import { CredentialsIndex } from './credentials-index.ts';
import type { Login } from './link.ts';
import type { LoginRefusal } from './outcomes.ts';
import { RefusalMemory } from './refusal-memory.ts';

/** Logins tried at once. */
const MAX_ATTEMPTS = 64;

/** Requests that wait for one, their bodies unread. */
const MAX_WAITING = 1_000;

const MAX_BACKOFF_MS = 1_000;

/** How much of its time a login may wait for the throttle; what is left is for the broker. */
const THROTTLE_SHARE = 0.9;

/** A login that the broker is asked about. */
interface Attempt {
  readonly result: Promise<LoginAttemptOutcome>;
  readonly inquiries: Set<Inquiry>;
}

/** Whether a login from one origin is good: one for all requests that ask at the same time. */
interface Inquiry {
  readonly result: Promise<LoginWaitOutcome>;
  waiting: number;
  /** The throttle has answered. */
  judged: boolean;
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
  /** A connection for a login whose acceptance by the broker is still believed; undefined for any other. */
  find(login: Login): LoginAttemptOutcome | undefined;
  /** The login has succeeded. Gives the connection a place, unless all are busy, and returns the one that has it. */
  add(connection: Connection, login: Login): Connection | undefined;
  /** The login has not succeeded, and is not tried again. */
  drop(connection: Connection, login: Login): void;
  /** The broker has refused the login. */
  onRefused(login: Login): void;
  /** The login is good, and came from there. */
  onSucceeded(login: Login, client: Client): void;
}

export type LoginWaitOutcome =
  | LoginAttemptOutcome
  | { readonly kind: 'overloaded' }
  | { readonly kind: 'broker-unavailable' }
  | { readonly kind: 'shutting-down' }
  | { readonly kind: 'too-many-failed-logins'; readonly retryAfterSeconds: number };

/**
 * Logins that have not succeeded from their origin before. All of them enter the throttle first, also where a connection
 * for them stands in the map and where a refusal of them is remembered: so no answer and no time tells what is known of
 * them. Concurrent ones with the same credentials share one attempt, a refusal is remembered for a moment, and while the
 * broker is away they wait in an allowance of their own, so that strangers cannot fill what known users need.
 */
export class Logins {
  readonly #host: LoginHost;
  readonly #throttle: Throttle;
  readonly #inquiries = new Map<string, Inquiry>();
  readonly #attempts = new CredentialsIndex<Attempt>();
  readonly #refusals = new RefusalMemory();
  readonly #closed: Promise<{ readonly kind: 'shutting-down' }>;
  #onClose: (ending: { readonly kind: 'shutting-down' }) => void = () => {};
  #waiting = 0;
  #refusedCount = 0;
  /** When the broker was last found to be away. */
  #unreachableAt = Number.NEGATIVE_INFINITY;

  constructor(host: LoginHost, throttle: Throttle) {
    this.#host = host;
    this.#throttle = throttle;
    this.#closed = new Promise((resolve) => {
      this.#onClose = resolve;
    });
  }

  /** Logins that the broker refused, so far. */
  get refused(): number {
    return this.#refusedCount;
  }

  remember(login: Login, refusal: LoginRefusal): void {
    this.#refusals.add(login, refusal);
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
    const inquiry = this.#inquire(login, client, timeoutMs);
    inquiry.waiting += 1;
    const outcome = await Promise.race([
      inquiry.result,
      delay(timeoutMs, undefined, { signal: timeout.signal }).then(() => this.#outcomeOfTimeout(inquiry, timeoutMs)),
      this.#closed,
    ]);
    inquiry.waiting -= 1;
    this.#waiting -= 1;
    timeout.abort();
    return outcome;
  }

  /** Whoever still waits for the throttle does so for the broker only if that is away. */
  #outcomeOfTimeout({ judged }: Inquiry, timeoutMs: number): LoginWaitOutcome {
    const isBrokerAway = performance.now() - this.#unreachableAt < timeoutMs;
    if (judged || isBrokerAway) return { kind: 'broker-unavailable' };
    return { kind: 'too-many-failed-logins', retryAfterSeconds: 1 };
  }

  #inquire(login: Login, client: Client, timeoutMs: number): Inquiry {
    const attempt = attemptOf(login, client);
    const key = `${attempt.login} ${attempt.origin}`;
    const underWay = this.#inquiries.get(key);
    if (underWay) return underWay;
    const inquiry: Inquiry = {
      waiting: 0,
      judged: false,
      result: this.#judge(attempt, login, client, timeoutMs, () => inquiry).finally(() => this.#inquiries.delete(key)),
    };
    this.#inquiries.set(key, inquiry);
    return inquiry;
  }

  async #judge(
    attempt: LoginAttempt,
    login: Login,
    client: Client,
    timeoutMs: number,
    inquiry: () => Inquiry,
  ): Promise<LoginWaitOutcome> {
    const permit = await this.#throttle.enter(attempt, THROTTLE_SHARE * timeoutMs);
    inquiry().judged = true;
    switch (permit.kind) {
      case 'throttled':
        return { kind: 'too-many-failed-logins', retryAfterSeconds: permit.retryAfterSeconds };
      case 'unanswered':
        return { kind: 'overloaded' };
      case 'permitted': {
        const { outcome, asked } = await this.#answer(login, inquiry());
        const verdict = asked ? verdictOf(outcome) : outcome.kind === 'open' ? 'succeeded' : 'released';
        if (verdict === 'succeeded') this.#host.onSucceeded(login, client);
        permit.end(verdict);
        return outcome;
      }
    }
  }

  /** From what is known, or by asking the broker. */
  async #answer(
    login: Login,
    inquiry: Inquiry,
  ): Promise<{ readonly outcome: LoginWaitOutcome; readonly asked: boolean }> {
    const known = this.#host.find(login) ?? this.#refusals.get(login) ?? this.#host.judge(login);
    if (known) return { outcome: known, asked: false };
    const attempt = inquiry.waiting > 0 ? (this.#attempts.get(login) ?? this.#start(login)) : undefined;
    if (!attempt) return { outcome: { kind: 'overloaded' }, asked: false };
    attempt.inquiries.add(inquiry);
    return { outcome: await attempt.result, asked: true };
  }

  #start(login: Login): Attempt | undefined {
    if (this.#attempts.size >= MAX_ATTEMPTS) return undefined;
    const inquiries = new Set<Inquiry>();
    const isWanted = (): boolean => [...inquiries].some(({ waiting }) => waiting > 0);
    const attempt: Attempt = { inquiries, result: this.#run(login, isWanted) };
    this.#attempts.set(login, attempt);
    void attempt.result.finally(() => this.#attempts.delete(login, attempt));
    return attempt;
  }

  /** Tries while somebody waits. The broker's refusal is final, its silence is not. */
  async #run(login: Login, isWanted: () => boolean): Promise<LoginAttemptOutcome> {
    const connection = this.#host.connectionFor(login);
    const backoff = new Backoff(MAX_BACKOFF_MS);
    backoff.next();
    for (;;) {
      const outcome: LoginOutcome = await connection.connect(login);
      // Even where nobody waits any more: the next request has it.
      if (outcome.kind === 'open') {
        this.#refusals.delete(login);
        const standing = this.#host.add(connection, login);
        return standing ? { kind: 'open', connection: standing } : { kind: 'busy' };
      }
      if (outcome.kind !== 'unreachable') {
        if (outcome.kind === 'login-refused' && !outcome.unasked) this.#refusedCount += 1;
        if (!outcome.unasked) this.remember(login, outcome);
        if (outcome.kind !== 'broker-limit' && !outcome.unasked) this.#host.onRefused(login);
        this.#host.drop(connection, login);
        return outcome;
      }
      this.#unreachableAt = performance.now();
      if (!isWanted()) {
        this.#host.drop(connection, login);
        return { kind: 'busy' };
      }
      await delay(backoff.next());
    }
  }
}

/** What the broker's answer counts for. */
function verdictOf(outcome: LoginWaitOutcome): LoginVerdict {
  switch (outcome.kind) {
    case 'open':
      return 'succeeded';
    case 'login-refused':
      return outcome.unasked ? 'released' : 'refused';
    case 'vhost-not-found':
    case 'vhost-refused':
    case 'broker-limit':
      return 'limited';
    default:
      return 'released';
  }
}

import type { LoginVerdict, Throttle } from '../throttle/throttle.ts';
import type { LoginAnswer, LoginQuestion, LoginReport } from './login-messages.ts';

/** Of one backend, which asks no more at once (see `ThrottleClient`); some more may be under way. */
const MAX_OPEN = 4_000;

/** The supervisor's side, for one backend process: whatever that one leaves behind is released when it ends. */
export class ThrottleDoor {
  readonly #throttle: Throttle;
  readonly #send: (answer: LoginAnswer) => void;
  /** By question: how a permit is ended, or nothing while it is waited for. */
  readonly #open = new Map<number, ((verdict: LoginVerdict) => void) | undefined>();
  #closed = false;

  constructor(throttle: Throttle, send: (answer: LoginAnswer) => void) {
    this.#throttle = throttle;
    this.#send = send;
  }

  async ask({ id, attempt, withinMs }: LoginQuestion): Promise<void> {
    if (this.#closed || this.#open.has(id)) return;
    if (this.#open.size >= MAX_OPEN) return this.#send({ kind: 'login', id, retryAfterSeconds: 1 });
    this.#open.set(id, undefined);
    const permit = await this.#throttle.enter(attempt, withinMs);
    if (permit.kind !== 'permitted') {
      this.#open.delete(id);
      return this.#send({
        kind: 'login',
        id,
        retryAfterSeconds: permit.kind === 'throttled' ? permit.retryAfterSeconds : 1,
      });
    }
    // The backend has given up on it, or is gone.
    if (this.#closed || !this.#open.has(id)) return permit.end('released');
    this.#open.set(id, (verdict) => permit.end(verdict));
    this.#send({ kind: 'login', id });
  }

  report({ id, verdict }: LoginReport): void {
    this.#end(id, verdict);
  }

  /** The backend is gone. */
  close(): void {
    this.#closed = true;
    for (const id of [...this.#open.keys()]) this.#end(id, 'released');
  }

  #end(id: number, verdict: LoginVerdict): void {
    const end = this.#open.get(id);
    this.#open.delete(id);
    end?.(verdict);
  }
}

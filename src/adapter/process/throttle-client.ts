import type { LoginAttempt, Permit, Throttle } from '../throttle/throttle.ts';
import { Inquiries } from './inquiries.ts';
import type { LoginAnswer, LoginQuestion, LoginReport } from './login-messages.ts';

/** Questions that wait for the supervisor. */
const MAX_OPEN = 1_000;

/** For the supervisor to answer beyond what it may let a login wait. */
const SLACK_MS = 1_000;

/** A backend's side: asks the supervisor. Whoever gets no answer is not let through. */
export class ThrottleClient implements Throttle {
  readonly #answers = new Inquiries<LoginAnswer>();
  readonly #send: (message: LoginQuestion | LoginReport) => void;

  constructor(send: (message: LoginQuestion | LoginReport) => void) {
    this.#send = send;
  }

  async enter(attempt: LoginAttempt, withinMs: number): Promise<Permit> {
    if (this.#answers.open >= MAX_OPEN) return { kind: 'unanswered' };
    let id = 0;
    const answer = await this.#answers.ask((asked) => {
      id = asked;
      this.#send({ kind: 'login', id, withinMs, attempt });
    }, withinMs + SLACK_MS);
    if (!answer) {
      // Its answer may still come, and would be a permit that nobody ends.
      this.#send({ kind: 'login-ended', id, verdict: 'released' });
      return { kind: 'unanswered' };
    }
    const { retryAfterSeconds } = answer;
    if (retryAfterSeconds !== undefined) return { kind: 'throttled', retryAfterSeconds };
    return { kind: 'permitted', end: (verdict) => this.#send({ kind: 'login-ended', id, verdict }) };
  }

  settle(answer: LoginAnswer): void {
    this.#answers.settle(answer.id, answer);
  }
}

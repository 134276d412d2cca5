import type { Gate } from './gate.ts';
import { Refusals } from './refusals.ts';

/**
 * So many refused logins a minute, and then none. As many may be under way as could still be refused; more wait for what
 * becomes of those, so that a crowd of good users behind one address only queues.
 */
export class LoginWindow implements Gate {
  readonly #refusals = new Refusals();
  readonly #waiting: ((entered: boolean) => void)[] = [];
  readonly #max: number;
  #inside = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get busy(): boolean {
    return this.#inside > 0 || this.#waiting.length > 0;
  }

  weight(): number {
    return this.#refusals.size;
  }

  enter(): boolean | Promise<boolean> {
    const refused = this.#refusals.size;
    if (refused >= this.#max) return false;
    if (this.#inside + refused >= this.#max) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#inside += 1;
    return true;
  }

  leave(login: string, refused: boolean): void {
    this.#inside -= 1;
    if (refused) this.#refusals.add(login);
    const { size } = this.#refusals;
    const exhausted = size >= this.#max;
    while (this.#waiting.length > 0 && (exhausted || this.#inside + size < this.#max)) {
      if (!exhausted) this.#inside += 1;
      this.#waiting.shift()?.(!exhausted);
    }
  }

  retryAfterSeconds(): number {
    return this.#refusals.retryAfterSeconds;
  }
}

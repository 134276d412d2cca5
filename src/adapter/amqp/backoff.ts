const FIRST_MS = 50;

/** Ever longer pauses between attempts, each a random part shorter so that many do not try in step. */
export class Backoff {
  readonly #maxMs: number;
  #ms = 0;

  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  /** The pause before the next attempt, in milliseconds; none before the first. */
  next(): number {
    const pause = this.#ms * (0.5 + Math.random() / 2);
    this.#ms = Math.min(this.#maxMs, Math.max(FIRST_MS, this.#ms * 2));
    return pause;
  }

  /** Waits for so long at least before the next attempt. */
  raise(milliseconds: number): void {
    this.#ms = Math.max(this.#ms, milliseconds);
  }

  reset(): void {
    this.#ms = 0;
  }
}

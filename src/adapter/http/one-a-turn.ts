/**
 * Work that others should not have to wait for: one piece of it in each turn of the event loop, whoever it is for. Where
 * several wait for it, all others have the time between two pieces to themselves.
 */
export class OneATurn {
  readonly #waiting: (() => void)[] = [];
  readonly #restMs: number;

  /** @param restMs between two pieces, in milliseconds */
  constructor(restMs = 0) {
    this.#restMs = restMs;
  }

  wait(work: () => void): void {
    this.#waiting.push(work);
    if (this.#waiting.length === 1) setImmediate(() => this.#next());
  }

  #next(): void {
    this.#waiting[0]?.();
    this.#waiting.shift();
    if (this.#waiting.length === 0) return;
    if (this.#restMs > 0) setTimeout(() => this.#next(), this.#restMs);
    else setImmediate(() => this.#next());
  }
}

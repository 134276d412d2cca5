/** Work that others should not have to wait for: one piece of it in each turn of the event loop, whoever it is for. */
export class OneATurn {
  readonly #waiting: (() => void)[] = [];

  wait(work: () => void): void {
    this.#waiting.push(work);
    if (this.#waiting.length === 1) setImmediate(() => this.#next());
  }

  #next(): void {
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) setImmediate(() => this.#next());
  }
}

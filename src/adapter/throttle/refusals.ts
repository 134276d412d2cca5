const WINDOW_MS = 60_000;

/** What was refused within the last minute, each once, oldest first. */
export class Refusals {
  readonly #at = new Map<string, number>();

  get size(): number {
    const now = performance.now();
    for (const [what, at] of this.#at) {
      if (now - at < WINDOW_MS) break;
      this.#at.delete(what);
    }
    return this.#at.size;
  }

  /** Returns whether it was not among them yet. */
  add(what: string): boolean {
    const isNew = this.size === 0 || !this.#at.has(what);
    // It stands at its last time, or one that is tried all the time would be forgotten first.
    this.#at.delete(what);
    this.#at.set(what, performance.now());
    return isNew;
  }

  areOnly(what: string): boolean {
    return this.size === 0 || (this.size === 1 && this.#at.has(what));
  }

  /** Until the oldest one no longer counts. */
  get retryAfterSeconds(): number {
    const now = performance.now();
    const [oldest = now] = this.#at.values();
    return Math.max(1, Math.ceil((oldest + WINDOW_MS - now) / 1000));
  }
}

/**
 * Counts the bytes of request bodies in memory against a limit that all connections share. One connection may use
 * half, so that a vhost whose broker is slow cannot refuse the others.
 */
export class Budget {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  share(): Share {
    return new Share(this);
  }

  take(bytes: number, alreadyTaken: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) return false;
    // A single body larger than half must still be possible, or max_body_size would not mean what it says.
    if (alreadyTaken > 0 && alreadyTaken + bytes > this.#maxBytes / 2) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** What one connection uses of the budget. */
export class Share {
  readonly #budget: Budget;
  #bytes = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** @param own bytes that the same body has taken already */
  take(bytes: number, own = 0): boolean {
    if (!this.#budget.take(bytes, this.#bytes - own)) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
    this.#budget.give(bytes);
  }
}

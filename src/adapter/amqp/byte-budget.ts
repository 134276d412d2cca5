/** What one body may take beside others of its user, as a part of the user's half: it may be larger than that half. */
const BESIDE_OTHERS = 1 / 8;

/**
 * Counts the memory that requests take against a limit that all of them share. One user may take half, over all vhosts
 * and passwords, so that a user whose broker is slow cannot refuse the others.
 */
export class ByteBudget {
  readonly #maxBytes: number;
  /** A share lives as long as a connection or a request has it. */
  readonly #shares = new Map<string, WeakRef<ByteShare>>();
  readonly #forgotten = new FinalizationRegistry<string>((user) => {
    if (!this.#shares.get(user)?.deref()) this.#shares.delete(user);
  });
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  shareOf(user: string): ByteShare {
    const known = this.#shares.get(user)?.deref();
    if (known) return known;
    const share = new ByteShare(this);
    this.#shares.set(user, new WeakRef(share));
    this.#forgotten.register(share, user);
    return share;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }
}

/** What one user takes of the budget. */
export class ByteShare {
  readonly #budget: ByteBudget;
  #bytes = 0;

  constructor(budget: ByteBudget) {
    this.#budget = budget;
  }

  /** @param own bytes that the same request has taken already */
  hasRoomFor(bytes: number, own = 0): boolean {
    if (bytes <= 0) return true;
    const { maxBytes } = this.#budget;
    if (this.#budget.bytes + bytes > maxBytes) return false;
    const half = maxBytes / 2;
    // A single body larger than half must still be possible, or max_body_size would not mean what it says.
    return this.#bytes + bytes <= half || this.#bytes - own <= half * BESIDE_OTHERS;
  }

  /** A negative number gives back. */
  take(bytes: number, own = 0): boolean {
    if (!this.hasRoomFor(bytes, own)) return false;
    this.#bytes += bytes;
    this.#budget.add(bytes);
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    this.#budget.add(-bytes);
  }
}

/** Counts the messages that wait, for a connection or for a place on one, over all connections. */
export class HeldMessages {
  readonly max: number;
  #count = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** Who would have to wait is refused. */
  get full(): boolean {
    return this.#count >= this.max;
  }

  get size(): number {
    return this.#count;
  }

  enter(): void {
    this.#count += 1;
  }

  leave(): void {
    this.#count -= 1;
  }
}

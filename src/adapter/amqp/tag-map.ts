/** Slots are given back once there are so many, and most are empty. */
const CUT_FROM = 1_024;

/**
 * A map for keys that come in order, each one more than the one before, as delivery tags do; entries go in any order.
 *
 * V8's own Map and Set leave their old table behind whenever they have seen a table's worth of keys, with all that was
 * in it and a link to the next one. Once one such table has grown old, the quick collections of young objects take the
 * whole chain for alive: with it every message and request that ever passed, until the next full collection. That was
 * a quarter of the CPU of a post.
 */
export class TagMap<Value> {
  /** Entries that stayed behind when those around them went. They are few, and old anyway. */
  #stragglers: Map<number, Value> | undefined;
  /** The key of `#slots[0]`. */
  #firstTag = 1;
  readonly #slots: (Value | undefined)[] = [];
  /** Empty slots at the front. */
  #gone = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The tag must be the next one. */
  set(tag: number, value: Value): this {
    if (this.#size === 0) this.#restart(tag);
    if (tag !== this.#firstTag + this.#slots.length) throw new RangeError(`tag ${tag} is not the next one`);
    this.#slots.push(value);
    this.#size += 1;
    if (this.#slots.length >= CUT_FROM && this.#slots.length > 4 * this.#size) this.#leaveBehind();
    return this;
  }

  get(tag: number): Value | undefined {
    return tag < this.#firstTag ? this.#stragglers?.get(tag) : this.#slots[tag - this.#firstTag];
  }

  delete(tag: number): boolean {
    if (this.#stragglers?.delete(tag)) {
      this.#size -= 1;
      return true;
    }
    const index = tag - this.#firstTag;
    if (this.#slots[index] === undefined) return false;
    this.#slots[index] = undefined;
    this.#size -= 1;
    if (index === this.#gone) this.#trim();
    return true;
  }

  clear(): void {
    this.#size = 0;
    this.#stragglers = undefined;
    this.#restart(this.#firstTag + this.#slots.length);
  }

  /** In the order of their tags. Entries may be deleted meanwhile. */
  *entries(): Generator<[number, Value]> {
    if (this.#stragglers) yield* this.#stragglers;
    for (let tag = this.#firstTag + this.#gone; tag < this.#firstTag + this.#slots.length; tag += 1) {
      const value = this.get(tag);
      if (value !== undefined) yield [tag, value];
    }
  }

  *values(): Generator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  #restart(tag: number): void {
    this.#slots.length = 0;
    this.#gone = 0;
    this.#firstTag = tag;
  }

  #trim(): void {
    while (this.#gone < this.#slots.length && this.#slots[this.#gone] === undefined) this.#gone += 1;
    if (this.#gone >= CUT_FROM && this.#gone >= this.#slots.length / 2) this.#cut(this.#gone);
  }

  /** Cuts the older half off, with what is left in it kept apart. */
  #leaveBehind(): void {
    const half = this.#slots.length >> 1;
    this.#stragglers ??= new Map();
    for (let index = this.#gone; index < half; index += 1) {
      const value = this.#slots[index];
      if (value !== undefined) this.#stragglers.set(this.#firstTag + index, value);
    }
    this.#cut(Math.max(half, this.#gone));
    this.#trim();
  }

  #cut(count: number): void {
    this.#slots.splice(0, count);
    this.#firstTag += count;
    this.#gone = 0;
  }
}

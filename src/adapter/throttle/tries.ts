import { createHash, randomBytes } from 'node:crypto';

const SLOTS = 2 ** 16;

const HALVED_EVERY_MS = 30_000;

/**
 * About how often something was tried lately. It takes the same memory whatever is counted: two things may share a slot,
 * and nobody outside can know which.
 */
export class Tries {
  readonly #counts = new Uint8Array(SLOTS);
  readonly #salt = randomBytes(16);
  #halvedAt = performance.now();

  /** Counts one more, and returns how many there were before. */
  add(...key: readonly string[]): number {
    this.#halve(performance.now());
    const hash = createHash('sha256').update(this.#salt);
    for (const part of key) hash.update(part);
    const slot = hash.digest().readUInt16LE();
    const before = this.#counts[slot] ?? 0;
    if (before < 255) this.#counts[slot] = before + 1;
    return before;
  }

  #halve(now: number): void {
    while (now - this.#halvedAt >= HALVED_EVERY_MS) {
      this.#halvedAt = now - this.#halvedAt > 10 * HALVED_EVERY_MS ? now : this.#halvedAt + HALVED_EVERY_MS;
      for (let slot = 0; slot < SLOTS; slot += 1) this.#counts[slot] = (this.#counts[slot] ?? 0) >> 1;
    }
  }
}

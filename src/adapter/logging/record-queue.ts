import { MAX_WAITING_BYTES } from './outlet.ts';

/** Records that wait for an outlet. How much may wait is bounded. */
export class RecordQueue {
  #records: Buffer[] = [];
  /** Those before it are taken already. */
  #first = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** @returns whether there was room for it */
  add(record: Buffer): boolean {
    if (this.#bytes + record.length > MAX_WAITING_BYTES) return false;
    this.#records.push(record);
    this.#bytes += record.length;
    return true;
  }

  /** Whole records of so many bytes at most; one at least, if there is one. */
  take(maxBytes = Number.POSITIVE_INFINITY): Buffer {
    const taken: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const next = this.#records[this.#first];
      if (next === undefined || (taken.length > 0 && bytes + next.length > maxBytes)) break;
      taken.push(next);
      bytes += next.length;
      this.#first += 1;
    }
    if (this.#first === this.#records.length) {
      this.#records = [];
      this.#first = 0;
    }
    this.#bytes -= bytes;
    const [only = Buffer.alloc(0), ...others] = taken;
    return others.length === 0 ? only : Buffer.concat(taken, bytes);
  }

  /** What could not be written of what was taken. */
  putBack(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#records = [rest, ...this.#records.slice(this.#first)];
    this.#first = 0;
    this.#bytes += rest.length;
  }
}

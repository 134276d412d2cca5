/** A shorter chunk is copied: as an object of its own it takes some 400 bytes beside its content. */
export const SMALL = 4_096;

const FIRST_BLOCK = 1_024;
const MAX_BLOCK = 65_536;

/**
 * Gathers bytes that arrive in chunks of any size in about as much memory as they are long. Small chunks are copied into
 * blocks, the others are kept. A body that comes in one chunk is not copied.
 */
export class ByteBlocks {
  readonly #parts: Uint8Array[] = [];
  /** What is left of the last block. */
  #rest: Uint8Array = NOTHING;
  /** How much of it has been written. */
  #written = 0;
  #blockSize = FIRST_BLOCK;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How much more memory this chunk will take than those before it. */
  costOf(chunk: Uint8Array): number {
    if (!this.#isCopied(chunk)) return chunk.length;
    return this.#fits(chunk) ? 0 : this.#newBlockSize(chunk);
  }

  add(chunk: Uint8Array): void {
    if (!this.#isCopied(chunk)) {
      this.#endPart();
      this.#parts.push(chunk);
    } else {
      if (!this.#fits(chunk)) this.#startBlock(this.#newBlockSize(chunk));
      this.#rest.set(chunk, this.#written);
      this.#written += chunk.length;
    }
    this.#size += chunk.length;
  }

  /** Everything as one; what was gathered is given away. */
  take(): Uint8Array {
    this.#endPart();
    const parts = this.#parts.splice(0);
    const [first] = parts;
    const whole = first && parts.length === 1 ? first : joined(parts, this.#size);
    this.#rest = NOTHING;
    this.#blockSize = FIRST_BLOCK;
    this.#size = 0;
    return whole;
  }

  /** The first is kept, for most bodies have no second. What is a small part of something large would keep all of it. */
  #isCopied({ length, buffer }: Uint8Array): boolean {
    return (length < SMALL && this.#size > 0) || length < buffer.byteLength / 2;
  }

  #fits({ length }: Uint8Array): boolean {
    return this.#written + length <= this.#rest.length;
  }

  #newBlockSize({ length }: Uint8Array): number {
    return Math.max(this.#blockSize, length);
  }

  #startBlock(size: number): void {
    this.#endPart();
    this.#rest = new Uint8Array(size);
    this.#blockSize = Math.min(2 * size, MAX_BLOCK);
  }

  #endPart(): void {
    if (this.#written === 0) return;
    this.#parts.push(this.#rest.subarray(0, this.#written));
    this.#rest = this.#rest.subarray(this.#written);
    this.#written = 0;
  }
}

const NOTHING = new Uint8Array(0);

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Headers that were sent, as rabbitmq-client decodes them when they come back. Only what `encodeTable` writes is known
 * here.
 */
export function decodeTable(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).table();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  table(): Readonly<Record<string, unknown>> {
    const end = this.#end();
    const entries: (readonly [string, unknown])[] = [];
    while (this.#at < end) entries.push([this.#take(this.#take(1).readUInt8()).toString(), this.#value()]);
    return Object.fromEntries(entries);
  }

  #array(): unknown[] {
    const end = this.#end();
    const values: unknown[] = [];
    while (this.#at < end) values.push(this.#value());
    return values;
  }

  #value(): unknown {
    const type = this.#take(1).toString('latin1');
    switch (type) {
      case 'A':
        return this.#array();
      case 'D':
        return { scale: this.#take(1).readUInt8(), value: this.#take(4).readInt32BE() };
      case 'F':
        return this.table();
      case 'I':
        return this.#take(4).readInt32BE();
      case 'S':
        return this.#take(this.#length()).toString();
      case 'T':
      case 'l':
        return Number(this.#take(8).readBigInt64BE());
      case 'V':
        return null;
      case 'd':
        return this.#take(8).readDoubleBE();
      case 't':
        return this.#take(1).readUInt8() === 1;
      case 'x':
        return this.#take(this.#length());
      default:
        throw new TypeError(`no type of a header's value: ${type}`);
    }
  }

  #length(): number {
    return this.#take(4).readUInt32BE();
  }

  /** Where the array or table that begins here ends. */
  #end(): number {
    const length = this.#length();
    return this.#at + length;
  }

  #take(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

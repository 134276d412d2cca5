import type { HeaderTable, HeaderValue, TypedValue } from '../publisher.ts';
import { encodedTableSize, fitsInt32, isArray, isTable } from './table-size.ts';

/** The types of AMQP's field values, by their letters. @see https://www.rabbitmq.com/docs/amqp-0-9-1-errata#section_3 */
const TYPE = {
  array: 0x41,
  decimal: 0x44,
  table: 0x46,
  int: 0x49,
  string: 0x53,
  timestamp: 0x54,
  void: 0x56,
  double: 0x64,
  long: 0x6c,
  boolean: 0x74,
  binary: 0x78,
} as const;

/** A table in AMQP's encoding, with its length before it. */
export function encodeTable(table: HeaderTable): Uint8Array {
  const bytes = new Uint8Array(encodedTableSize(table));
  writeTable(bytes, table, 0);
  return bytes;
}

/** Writes a table with its length before it; returns the offset behind it. `encodedTableSize` is how long it is. */
export function writeTable(into: Uint8Array, table: HeaderTable, offset: number): number {
  const writer = new Writer(into, offset);
  writer.table(table);
  return writer.end;
}

const encoder = new TextEncoder();

/** A longer text is not written character by character. */
const SHORT = 64;

class Writer {
  readonly #bytes: Uint8Array;
  #view: DataView | undefined;
  #at: number;

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.#at = offset;
  }

  get end(): number {
    return this.#at;
  }

  /** Made where it is needed: it costs as much as a header. */
  get #numbers(): DataView {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view ??= new DataView(buffer, byteOffset, byteLength);
    return this.#view;
  }

  table(table: HeaderTable): void {
    const start = this.#at;
    this.#at += 4;
    for (const [name, value] of table) {
      this.#at += 1;
      const length = this.#text(name);
      this.#bytes[this.#at - length - 1] = length;
      this.#value(value);
    }
    this.#set32(start, this.#at - start - 4);
  }

  #array(array: readonly HeaderValue[]): void {
    const start = this.#at;
    this.#at += 4;
    for (const value of array) this.#value(value);
    this.#set32(start, this.#at - start - 4);
  }

  #value(value: HeaderValue): void {
    if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'bigint') this.#long(value);
    else if (typeof value === 'boolean') {
      this.#byte(TYPE.boolean);
      this.#byte(value ? 1 : 0);
    } else if (value === null) this.#byte(TYPE.void);
    else if (isArray(value)) {
      this.#byte(TYPE.array);
      this.#array(value);
    } else if (isTable(value)) {
      this.#byte(TYPE.table);
      this.table(value);
    } else this.#typed(value);
  }

  #string(text: string): void {
    this.#byte(TYPE.string);
    this.#at += 4;
    const length = this.#text(text);
    this.#set32(this.#at - length - 4, length);
  }

  #number(value: number): void {
    if (!Number.isInteger(value)) {
      this.#byte(TYPE.double);
      this.#float64(value);
    } else if (fitsInt32(value)) {
      this.#byte(TYPE.int);
      this.#int32(value);
    } else this.#long(BigInt(value));
  }

  #long(value: bigint): void {
    this.#byte(TYPE.long);
    this.#int64(value);
  }

  #typed(value: TypedValue): void {
    this.#byte(TYPE[value.type]);
    switch (value.type) {
      case 'double':
        this.#float64(value.value);
        break;
      case 'decimal':
        this.#byte(value.scale);
        this.#int32(value.digits);
        break;
      case 'timestamp':
        this.#int64(BigInt(value.seconds));
        break;
      case 'binary':
        this.#int32(value.bytes.length);
        this.#bytes.set(value.bytes, this.#at);
        this.#at += value.bytes.length;
    }
  }

  #byte(byte: number): void {
    this.#bytes[this.#at] = byte;
    this.#at += 1;
  }

  #set32(at: number, integer: number): void {
    this.#bytes[at] = integer >>> 24;
    this.#bytes[at + 1] = integer >>> 16;
    this.#bytes[at + 2] = integer >>> 8;
    this.#bytes[at + 3] = integer;
  }

  #int32(integer: number): void {
    this.#set32(this.#at, integer);
    this.#at += 4;
  }

  #int64(integer: bigint): void {
    this.#numbers.setBigInt64(this.#at, integer);
    this.#at += 8;
  }

  #float64(value: number): void {
    this.#numbers.setFloat64(this.#at, value);
    this.#at += 8;
  }

  /** Returns how many bytes that took. */
  #text(text: string): number {
    const start = this.#at;
    if (text.length > SHORT || !this.#ascii(text)) {
      this.#at = start + encoder.encodeInto(text, this.#bytes.subarray(start)).written;
    }
    return this.#at - start;
  }

  #ascii(text: string): boolean {
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return false;
      this.#bytes[this.#at + index] = unit;
    }
    this.#at += text.length;
    return true;
  }
}

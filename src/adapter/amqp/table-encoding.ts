import { fitsInt32, isArray, isTable } from '../../handler/message/table-size.ts';
import type { HeaderTable, HeaderValue, TypedValue } from '../../handler/publisher.ts';

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

/** Writes a table with its length before it; returns the offset behind it. `encodedTableSize` is how long it is. */
export function writeTable(out: Buffer, table: HeaderTable, offset: number): number {
  let at = offset + 4;
  for (const [name, value] of table) {
    at = writeShortString(out, name, at);
    at = writeValue(out, value, at);
  }
  out.writeUInt32BE(at - offset - 4, offset);
  return at;
}

/** A string of at most 255 bytes, with its length before it. */
export function writeShortString(out: Buffer, text: string, offset: number): number {
  const length = out.write(text, offset + 1);
  out[offset] = length;
  return offset + 1 + length;
}

function writeArray(out: Buffer, array: readonly HeaderValue[], offset: number): number {
  let at = offset + 4;
  for (const value of array) at = writeValue(out, value, at);
  out.writeUInt32BE(at - offset - 4, offset);
  return at;
}

function writeValue(out: Buffer, value: HeaderValue, offset: number): number {
  const at = offset + 1;
  switch (typeof value) {
    case 'string': {
      out[offset] = TYPE.string;
      const length = out.write(value, at + 4);
      out.writeUInt32BE(length, at);
      return at + 4 + length;
    }
    case 'number':
      return writeNumber(out, value, offset);
    case 'bigint':
      out[offset] = TYPE.long;
      return out.writeBigInt64BE(value, at);
    case 'boolean':
      out[offset] = TYPE.boolean;
      out[at] = value ? 1 : 0;
      return at + 1;
    default:
      if (value === null) {
        out[offset] = TYPE.void;
        return at;
      }
      if (isArray(value)) {
        out[offset] = TYPE.array;
        return writeArray(out, value, at);
      }
      if (!isTable(value)) return writeTyped(out, value, offset);
      out[offset] = TYPE.table;
      return writeTable(out, value, at);
  }
}

function writeNumber(out: Buffer, value: number, offset: number): number {
  const at = offset + 1;
  if (!Number.isInteger(value)) {
    out[offset] = TYPE.double;
    return out.writeDoubleBE(value, at);
  }
  if (fitsInt32(value)) {
    out[offset] = TYPE.int;
    return out.writeInt32BE(value, at);
  }
  out[offset] = TYPE.long;
  return out.writeBigInt64BE(BigInt(value), at);
}

function writeTyped(out: Buffer, value: TypedValue, offset: number): number {
  out[offset] = TYPE[value.type];
  const at = offset + 1;
  switch (value.type) {
    case 'double':
      return out.writeDoubleBE(value.value, at);
    case 'decimal':
      out[at] = value.scale;
      return out.writeInt32BE(value.digits, at + 1);
    case 'timestamp':
      return out.writeBigUInt64BE(BigInt(value.seconds), at);
    case 'binary':
      out.writeUInt32BE(value.bytes.length, at);
      out.set(value.bytes, at + 4);
      return at + 4 + value.bytes.length;
  }
}

import type { HeaderTable, HeaderValue, TypedValue } from '../publisher.ts';
import { utf8Length } from './utf8.ts';

/** Most bytes that the headers of a message may take in AMQP's encoding: they travel in one frame. */
export const maxEncodedHeaders = 65_536;

export const expectedSize = `expected at most 64 KiB in AMQP's encoding`;

/** Whether an integer is sent with 32 bits (`I`), and not with 64 (`l`). */
export const fitsInt32 = (integer: number): boolean => (integer | 0) === integer;

// Array.isArray alone does not tell a readonly array from a table.
export const isArray = (value: HeaderValue): value is readonly HeaderValue[] => Array.isArray(value);

export const isTable = (value: HeaderValue): value is HeaderTable => value instanceof Map;

/**
 * Bytes that a table takes in AMQP's encoding, its own length field included.
 * @see https://www.rabbitmq.com/docs/amqp-0-9-1-errata#section_3
 */
export function encodedTableSize(table: HeaderTable): number {
  let size = 4;
  for (const [name, value] of table) size += 1 + (utf8Length(name) ?? 0) + 1 + encodedSize(value);
  return size;
}

function encodedSize(value: HeaderValue): number {
  switch (typeof value) {
    case 'string':
      // Of what is too long anyway, the characters are not looked at.
      return 4 + (value.length > maxEncodedHeaders ? value.length : (utf8Length(value) ?? 0));
    case 'number':
      return Number.isInteger(value) && fitsInt32(value) ? 4 : 8;
    case 'bigint':
      return 8;
    case 'boolean':
      return 1;
    default:
      if (value === null) return 0;
      if (isArray(value)) return value.reduce<number>((size, element) => size + 1 + encodedSize(element), 4);
      return isTable(value) ? encodedTableSize(value) : typedSize(value);
  }
}

function typedSize(value: TypedValue): number {
  switch (value.type) {
    case 'double':
    case 'timestamp':
      return 8;
    case 'decimal':
      return 5;
    case 'binary':
      return 4 + value.bytes.length;
  }
}

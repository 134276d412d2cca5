import type { HeaderTable, HeaderValue } from '../publisher.ts';
import { isShortString, maxShortString, utf8Length } from './utf8.ts';

/** Most bytes that the headers of a message may take in AMQP's encoding: they travel in one frame. */
export const maxEncodedHeaders = 65_536;

/** How deep arrays and tables may nest; the headers themselves are the first level. */
export const maxHeaderDepth = 16;

/** Most problems that are listed of one message's headers. */
const maxProblems = 20;

/** Headers as an AMQP table, or what is wrong with them, each message naming the place (`a.b.0: expected …`). */
export type HeaderTableResult =
  | { readonly ok: true; readonly table: Map<string, HeaderValue> }
  | { readonly ok: false; readonly messages: readonly string[] };

export const expectedName = `expected a name of 1 to ${maxShortString} bytes of UTF-8`;
export const expectedDepth = `expected at most ${maxHeaderDepth} levels`;
export const expectedSize = `expected at most 64 KiB in AMQP's encoding`;
export const expectedRoutingKeys = 'expected an array of strings';
const expectedNumber = 'expected a finite number, integers within ±(2^53−1), fractions within ±2^50';

/** Whether a text can be a header's name, on whatever level. */
export function isHeaderName(name: string): boolean {
  return name !== '' && isShortString(name);
}

/**
 * The headers that a JSON value describes. Their size is not judged here, for others may be added to them: see
 * `encodedTableSize`.
 *
 * @param json what JSON.parse returns: no dates, functions or objects with behaviour
 */
export function toHeaderTable(json: unknown): HeaderTableResult {
  const messages: string[] = [];
  if (!isObject(json)) return { ok: false, messages: ['expected a JSON object'] };
  const table = convertTable(json, 1, '', messages);
  return messages.length === 0 ? { ok: true, table } : { ok: false, messages };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Recursion is bounded by the depth that is allowed. What is wrong is left out and stands in `messages`. */
function convertTable(json: object, depth: number, place: string, messages: string[]): Map<string, HeaderValue> {
  const table = new Map<string, HeaderValue>();
  for (const [name, value] of Object.entries(json)) {
    if (messages.length >= maxProblems) break;
    const namePlace = place === '' ? name : `${place}.${name}`;
    if (!isHeaderName(name)) messages.push(at(namePlace, expectedName));
    const converted = convert(value, depth, namePlace, messages);
    if (converted !== undefined) table.set(name, converted);
  }
  return table;
}

function convertArray(json: readonly unknown[], depth: number, place: string, messages: string[]): HeaderValue[] {
  const array: HeaderValue[] = [];
  for (const [index, value] of json.entries()) {
    if (messages.length >= maxProblems) break;
    const converted = convert(value, depth, `${place}.${index}`, messages);
    if (converted !== undefined) array.push(converted);
  }
  return array;
}

function convert(json: unknown, depth: number, place: string, messages: string[]): HeaderValue | undefined {
  if (json === null || typeof json === 'boolean') return json;
  if (typeof json === 'string') {
    // Too long for all headers together, as is found out later; looking at each character would take as long again.
    if (json.length > maxEncodedHeaders || utf8Length(json) !== undefined) return json;
    messages.push(at(place, 'expected well-formed Unicode, found a lone surrogate'));
  } else if (typeof json === 'number') {
    if (isEncodable(json)) return json;
    messages.push(at(place, expectedNumber));
  } else if (typeof json !== 'object') {
    messages.push(at(place, 'expected a JSON value'));
  } else if (depth === maxHeaderDepth) {
    messages.push(at(place, expectedDepth));
  } else {
    return Array.isArray(json)
      ? convertArray(json, depth + 1, place, messages)
      : convertTable(json, depth + 1, place, messages);
  }
  return undefined;
}

function at(place: string, message: string): string {
  return `${place.length > 300 ? `${place.slice(0, 300)}…` : place}: ${message}`;
}

/**
 * A double past 2^53 is an integer that JSON may have rounded. From 2^50 on, rabbitmq-client takes every number for an
 * integer and throws at a fraction.
 */
function isEncodable(value: number): boolean {
  return Number.isSafeInteger(value) || (Math.abs(value) < 2 ** 50 && !Number.isInteger(value));
}

/**
 * RabbitMQ closes the channel at a CC or BCC that is no array and passes over what in it is no string: the message
 * would not go where it was sent. @see https://www.rabbitmq.com/docs/sender-selected
 *
 * @returns the names of those that are wrong
 */
export function findBadRoutingKeys(table: HeaderTable): readonly string[] {
  return ['CC', 'BCC'].filter((name) => {
    const value = table.get(name);
    return value !== undefined && !(Array.isArray(value) && value.every((key) => typeof key === 'string'));
  });
}

/**
 * Bytes that a table takes as rabbitmq-client encodes it, its own length field included: integers in the smallest
 * signed type that holds them, other numbers as doubles. @see https://www.rabbitmq.com/docs/amqp-0-9-1-errata#section_3
 */
export function encodedTableSize(table: HeaderTable): number {
  let size = 4;
  for (const [name, value] of table) size += 1 + (utf8Length(name) ?? 0) + 1 + encodedSize(value);
  return size;
}

function encodedSize(value: HeaderValue): number {
  if (value === null) return 0;
  if (typeof value === 'boolean') return 1;
  if (typeof value === 'string')
    return 4 + (value.length > maxEncodedHeaders ? value.length : (utf8Length(value) ?? 0));
  if (typeof value === 'number') return encodedNumberSize(value);
  if (!isArray(value)) return encodedTableSize(value);
  return value.reduce<number>((size, element) => size + 1 + encodedSize(element), 4);
}

function encodedNumberSize(value: number): number {
  if (!Number.isInteger(value)) return 8;
  if (value >= -0x80 && value < 0x80) return 1;
  if (value >= -0x8000 && value < 0x8000) return 2;
  return value >= -0x80000000 && value < 0x80000000 ? 4 : 8;
}

// Array.isArray alone does not tell a readonly array from a table.
function isArray(value: HeaderValue): value is readonly HeaderValue[] {
  return Array.isArray(value);
}

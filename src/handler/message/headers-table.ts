import type { HeaderTable, HeaderValue } from '../publisher.ts';
import { extendedValueOf, isObject } from './extended-json.ts';
import { maxEncodedHeaders } from './table-size.ts';
import { isShortString, maxShortString, utf8Length } from './utf8.ts';
import { MarkedJson } from './written-numbers.ts';

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
export const expectedRoutingKeys = 'expected an array of strings';
const expectedSafe = 'expected a finite number, integers within ±(2^53−1); {"$numberLong": "…"} has 64 bits';
const expectedLong = 'expected a finite number, integers of at most 64 bits';

/**
 * Which types integers have on the wire: the smaller of 32 and 64 bits that holds them, or 64 bits always, as RabbitMQ's
 * management plugin has it.
 */
export type Integers = 'fitting' | 'long';

/** Whether a text can be a header's name, on whatever level. */
export function isHeaderName(name: string): boolean {
  return name !== '' && isShortString(name);
}

/**
 * The headers that a JSON value describes. Their size is not judged here, for others may be added to them: see
 * `encodedTableSize`.
 *
 * @param json what JSON.parse returns, or the same with marked numbers
 */
export function toHeaderTable(json: unknown, integers: Integers = 'fitting'): HeaderTableResult {
  const conversion = new Conversion(integers, json instanceof MarkedJson ? json : undefined);
  const value = json instanceof MarkedJson ? json.value : json;
  if (!isObject(value)) return { ok: false, messages: ['expected a JSON object'] };
  const table = conversion.table(value, 1, '');
  const { messages } = conversion;
  return messages.length === 0 ? { ok: true, table } : { ok: false, messages };
}

/** Recursion is bounded by the depth that is allowed. What is wrong is left out and stands in `messages`. */
class Conversion {
  readonly messages: string[] = [];
  readonly #integers: Integers;
  readonly #marked: MarkedJson | undefined;

  constructor(integers: Integers, marked: MarkedJson | undefined) {
    this.#integers = integers;
    this.#marked = marked;
  }

  table(json: object, depth: number, place: string): Map<string, HeaderValue> {
    const table = new Map<string, HeaderValue>();
    for (const [name, value] of Object.entries(json)) {
      if (this.messages.length >= maxProblems) break;
      const namePlace = place === '' ? name : `${place}.${name}`;
      if (!isHeaderName(name)) this.#refuse(namePlace, expectedName);
      const converted = this.#value(value, depth, namePlace);
      if (converted !== undefined) table.set(name, converted);
    }
    return table;
  }

  #array(json: readonly unknown[], depth: number, place: string): HeaderValue[] {
    const array: HeaderValue[] = [];
    for (const [index, value] of json.entries()) {
      if (this.messages.length >= maxProblems) break;
      const converted = this.#value(value, depth, `${place}.${index}`);
      if (converted !== undefined) array.push(converted);
    }
    return array;
  }

  #value(json: unknown, depth: number, place: string): HeaderValue | undefined {
    if (json === null || typeof json === 'boolean') return json;
    if (typeof json === 'string') return this.#string(json, place);
    if (typeof json === 'number') return this.#number(json, String(json), place);
    if (typeof json !== 'object') return this.#refuse(place, 'expected a JSON value');
    const extended = Array.isArray(json) ? undefined : extendedValueOf(json);
    if (extended?.kind === 'value') return extended.value;
    if (extended) return this.#refuse(place, extended.expected);
    if (depth === maxHeaderDepth) return this.#refuse(place, expectedDepth);
    return Array.isArray(json) ? this.#array(json, depth + 1, place) : this.table(json, depth + 1, place);
  }

  #string(json: string, place: string): HeaderValue | undefined {
    const literal = this.#marked?.literalOf(json);
    if (literal !== undefined) return this.#number(Number(literal), literal, place);
    // Too long for all headers together, as is found out later; looking at each character would take as long again.
    if (json.length > maxEncodedHeaders || utf8Length(json) !== undefined) return json;
    return this.#refuse(place, 'expected well-formed Unicode, found a lone surrogate');
  }

  #number(value: number, literal: string, place: string): HeaderValue | undefined {
    if (/[.eE]/.test(literal) && Number.isFinite(value))
      return Number.isInteger(value) ? { type: 'double', value } : value;
    if (this.#integers === 'fitting' && Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    if (this.#integers === 'long' && Number.isInteger(value)) {
      const long = BigInt(literal);
      if (BigInt.asIntN(64, long) === long) return long;
    }
    return this.#refuse(place, this.#integers === 'long' ? expectedLong : expectedSafe);
  }

  #refuse(place: string, message: string): undefined {
    this.messages.push(`${place.length > 300 ? `${place.slice(0, 300)}…` : place}: ${message}`);
  }
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

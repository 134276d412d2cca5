import type { HeaderValue } from '../publisher.ts';
import { parseDateTime } from './timestamp.ts';

/**
 * Values that JSON has no type for, as MongoDB's Extended JSON (v2) writes them: an object with one key that says the
 * type. Such an object is a value, and not a table.
 *
 * @see https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/
 */
export type Extended =
  | { readonly kind: 'value'; readonly value: HeaderValue }
  | { readonly kind: 'invalid'; readonly expected: string };

type Read = (stated: unknown) => HeaderValue | undefined;

const TYPES: ReadonlyMap<string, { readonly read: Read; readonly expected: string }> = new Map([
  ['$numberInt', { read: readInt, expected: 'a string of digits, an integer of 32 bits' }],
  ['$numberLong', { read: readLong, expected: 'a string of digits, an integer of 64 bits' }],
  ['$numberDouble', { read: readDouble, expected: 'a string that is a finite number' }],
  ['$numberDecimal', { read: readDecimal, expected: 'a decimal string whose digits are an integer of 32 bits' }],
  [
    '$date',
    {
      read: readDate,
      expected: 'an RFC 3339 date-time, or {"$numberLong": "milliseconds since the epoch"}, from 1970 on',
    },
  ],
  ['$binary', { read: readBinary, expected: '{"base64": "…", "subType": "00"}' }],
]);

/** `undefined` for an object that is an ordinary table. */
export function extendedValueOf(json: object): Extended | undefined {
  const [entry, ...others] = Object.entries(json);
  if (entry === undefined || others.length > 0) return undefined;
  const [name, stated]: [string, unknown] = entry;
  const type = TYPES.get(name);
  if (type === undefined) return undefined;
  const value = type.read(stated);
  return value === undefined
    ? { kind: 'invalid', expected: `expected ${type.expected} for ${name}` }
    : { kind: 'value', value };
}

const INTEGER = /^[+-]?\d{1,19}$/;

function readInt(stated: unknown): number | undefined {
  const value = readLong(stated);
  return value === undefined || BigInt.asIntN(32, value) !== value ? undefined : Number(value);
}

function readLong(stated: unknown): bigint | undefined {
  if (typeof stated !== 'string' || !INTEGER.test(stated)) return undefined;
  const value = BigInt(stated.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** RabbitMQ cannot read infinities and NaN: it closes the connection with 541. */
function readDouble(stated: unknown): HeaderValue | undefined {
  const value = typeof stated === 'string' && NUMBER.test(stated) ? Number(stated) : Number.NaN;
  return Number.isFinite(value) ? { type: 'double', value } : undefined;
}

const DECIMAL = /^([+-]?)(\d{1,64})(?:\.(\d{0,64}))?(?:[eE]([+-]?\d{1,3}))?$/;
const MAX_DIGITS = 2 ** 31 - 1;
const MAX_SCALE = 255;

function readDecimal(stated: unknown): HeaderValue | undefined {
  const match = typeof stated === 'string' ? DECIMAL.exec(stated) : null;
  if (!match) return undefined;
  const [, sign, integral = '', fraction = '', exponent = '0'] = match;
  const scale = fraction.length - Number(exponent);
  const magnitude = Number(integral + fraction) * (scale < 0 ? 10 ** -scale : 1);
  if (!(magnitude <= MAX_DIGITS && scale <= MAX_SCALE)) return undefined;
  const digits = sign === '-' && magnitude > 0 ? -magnitude : magnitude;
  return { type: 'decimal', digits, scale: Math.max(0, scale) };
}

/** AMQP's timestamps have whole seconds, and none before 1970. */
function readDate(stated: unknown): HeaderValue | undefined {
  const seconds = typeof stated === 'string' ? parseDateTime(stated) : secondsOf(stated);
  return seconds !== undefined && seconds >= 0 && Number.isSafeInteger(seconds)
    ? { type: 'timestamp', seconds }
    : undefined;
}

function secondsOf(stated: unknown): number | undefined {
  if (typeof stated === 'number') return Number.isSafeInteger(stated) ? Math.floor(stated / 1000) : undefined;
  const extended = isObject(stated) ? extendedValueOf(stated) : undefined;
  if (extended?.kind !== 'value' || typeof extended.value !== 'bigint') return undefined;
  return Math.floor(Number(extended.value) / 1000);
}

/** More than all headers of a message together can take. */
const MAX_BASE64 = 128 * 1024;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function readBinary(stated: unknown): HeaderValue | undefined {
  if (!isObject(stated)) return undefined;
  const { base64, subType = '00', ...others }: Readonly<Record<string, unknown>> = { ...stated };
  const isSubType = typeof subType === 'string' && /^[0-9a-f]{1,2}$/i.test(subType);
  if (typeof base64 !== 'string' || base64.length > MAX_BASE64 || !BASE64.test(base64)) return undefined;
  if (!isSubType || Object.keys(others).length > 0) return undefined;
  return { type: 'binary', bytes: Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)) };
}

/** A JSON object, and no array. */
export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

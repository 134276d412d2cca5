import { Turns } from '../turns.ts';
import { byteFinder } from './byte-search.ts';
import { type Field, maxFields, type ParsedFields, shownName, tooManyFields } from './fields.ts';
import { brokenEscape } from './percent-decoding.ts';
import { decodeUtf8 } from './utf8.ts';

const ampersand = 0x26;
const equals = 0x3d;
const percent = 0x25;
const plus = 0x2b;
const space = 0x20;

/**
 * Reads application/x-www-form-urlencoded, of a body or a query string, as in the URL standard (section 5.1) but
 * byte-exact: values stay bytes, and a broken escape is an error and not text. A field without an escape is a view
 * of `bytes` and not a copy.
 *
 * @param limit most fields; reading stops at the next one
 * @see https://url.spec.whatwg.org/#urlencoded-parsing
 */
export function parseUrlencoded(bytes: Uint8Array, limit = maxFields): ParsedFields {
  const fields: Field[] = [];
  const findAmpersand = byteFinder(bytes, ampersand);
  const findEquals = byteFinder(bytes, equals);
  const isPlain = plainFinder(bytes);
  for (let start = skipAmpersands(bytes, 0); start < bytes.length; ) {
    if (fields.length >= limit) return tooManyFields;
    const end = findAmpersand(start);
    const nameEnd = Math.min(findEquals(start), end);
    if (nameEnd - start > maxRawName) {
      fields.push({ name: rawName(bytes.subarray(start, start + maxRawName)), value: bytes.subarray(end, end) });
      start = skipAmpersands(bytes, end);
      continue;
    }
    const rawNameBytes = bytes.subarray(start, nameEnd);
    const nameBytes = isPlain(start, nameEnd) ? rawNameBytes : decodeComponent(rawNameBytes);
    const name = nameBytes && decodeUtf8(nameBytes);
    if (name === undefined) return broken(rawName(rawNameBytes), nameBytes ? 'the name is not UTF-8' : brokenEscape);
    const valueStart = Math.min(nameEnd + 1, end);
    const raw = bytes.subarray(valueStart, end);
    if (isPlain(valueStart, end)) fields.push({ name, value: raw });
    else if (name === 'body' && raw.length > maxAtOnce) fields.push({ name, value: raw, encoded: true });
    else {
      const value = decodeComponent(raw);
      if (value === undefined) return broken(shownName(name), brokenEscape);
      fields.push({ name, value });
    }
    start = skipAmpersands(bytes, end);
  }
  return { ok: true, fields };
}

/** Bytes that are decoded in one turn of the event loop, some 4 ms of work. */
const maxAtOnce = 1024 * 1024;

/**
 * Decodes a long value, in its own place, and lets others have their turn meanwhile. Resolves to `undefined` for a broken
 * escape.
 */
export async function decodeInTurns(raw: Uint8Array): Promise<Uint8Array | undefined> {
  const turns = new Turns();
  let length = 0;
  for (let start = 0; start < raw.length; ) {
    const end = beforeEscape(raw, Math.min(start + maxAtOnce, raw.length));
    const part = decodeComponent(raw.subarray(start, end));
    if (part === undefined) return undefined;
    raw.set(part, length);
    length += part.length;
    start = end;
    if (turns.due) await turns.next();
  }
  return raw.subarray(0, length);
}

/** The same end, or that of the bytes before an escape which it would cut in two. */
function beforeEscape(raw: Uint8Array, end: number): number {
  if (end === raw.length) return end;
  if (raw[end - 1] === percent) return end - 1;
  return raw[end - 2] === percent ? end - 2 : end;
}

/** Three times the longest `headers[…]` field there can be: one with a longer name is unknown, and not decoded. */
const maxRawName = 16_384;

/** Empty pairs are no fields. They are stepped over by hand, for a body may consist of nothing else. */
function skipAmpersands(bytes: Uint8Array, from: number): number {
  let i = from;
  while (i < bytes.length && bytes[i] === ampersand) i += 1;
  return i;
}

/** Tells of stretches of `bytes`, later ones after earlier ones, whether they are what they say: nothing is escaped. */
function plainFinder(bytes: Uint8Array): (start: number, end: number) => boolean {
  const findPercent = byteFinder(bytes, percent);
  const findPlus = byteFinder(bytes, plus);
  return (start, end) => findPercent(start) >= end && findPlus(start) >= end;
}

function decodeComponent(raw: Uint8Array): Uint8Array | undefined {
  const decoded = new Uint8Array(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i += 1) {
    let byte = raw[i] ?? 0;
    if (byte === plus) byte = space;
    else if (byte === percent) {
      if (i + 2 >= raw.length) return undefined;
      const high = hexDigits[raw[i + 1] ?? 0] ?? notHex;
      const low = hexDigits[raw[i + 2] ?? 0] ?? notHex;
      if ((high | low) >= notHex) return undefined;
      byte = (high << 4) | low;
      i += 2;
    }
    decoded[length] = byte;
    length += 1;
  }
  return decoded.subarray(0, length);
}

const notHex = 0x10;

/** The value of each byte that is a hex digit. */
const hexDigits = new Uint8Array(256).fill(notHex);
for (const [value, digits] of [...'0123456789abcdef'].map(
  (digit, value) => [value, digit + digit.toUpperCase()] as const,
))
  for (const digit of digits) hexDigits[digit.charCodeAt(0)] = value;

/** What is no form at all, such as a picture that is called one, is not given back as a name. */
function broken(field: string, message: string): ParsedFields {
  return /[\p{C}\ufffd…]/u.test(field) ? { ok: false, message } : { ok: false, field, message };
}

/** A name that cannot be decoded, still readable in an error: escapes as they are, other bytes replaced. */
function rawName(bytes: Uint8Array): string {
  return shownName(new TextDecoder().decode(bytes));
}

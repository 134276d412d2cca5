import { byteFinder } from './byte-search.ts';
import { type Field, maxFields, type ParsedFields, shownName, tooManyFields } from './fields.ts';
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
  const decode = componentDecoder(bytes);
  for (let start = skipAmpersands(bytes, 0); start < bytes.length; ) {
    if (fields.length >= limit) return tooManyFields;
    const end = findAmpersand(start);
    const nameEnd = Math.min(findEquals(start), end);
    const nameBytes = decode(start, nameEnd);
    const name = nameBytes && decodeUtf8(nameBytes);
    if (name === undefined) {
      const message = nameBytes ? 'the name is not UTF-8' : brokenEscape;
      return { ok: false, field: rawName(bytes.subarray(start, nameEnd)), message };
    }
    const value = decode(Math.min(nameEnd + 1, end), end);
    if (value === undefined) return { ok: false, field: shownName(name), message: brokenEscape };
    fields.push({ name, value });
    start = skipAmpersands(bytes, end);
  }
  return { ok: true, fields };
}

const brokenEscape = 'broken percent-encoding: expected % and two hex digits';

/** Empty pairs are no fields. They are stepped over by hand, for a body may consist of nothing else. */
function skipAmpersands(bytes: Uint8Array, from: number): number {
  let i = from;
  while (bytes[i] === ampersand) i += 1;
  return i;
}

/** Decodes stretches of `bytes`, later ones after earlier ones; `undefined` for a broken escape. */
function componentDecoder(bytes: Uint8Array): (start: number, end: number) => Uint8Array | undefined {
  const findPercent = byteFinder(bytes, percent);
  const findPlus = byteFinder(bytes, plus);
  return (start, end) => {
    const raw = bytes.subarray(start, end);
    return findPercent(start) >= end && findPlus(start) >= end ? raw : decodeComponent(raw);
  };
}

function decodeComponent(raw: Uint8Array): Uint8Array | undefined {
  const decoded = new Uint8Array(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i += 1) {
    let byte = raw[i] ?? 0;
    if (byte === plus) byte = space;
    else if (byte === percent) {
      byte = (hexDigit(raw[i + 1]) << 4) | hexDigit(raw[i + 2]);
      if (byte < 0) return undefined;
      i += 2;
    }
    decoded[length] = byte;
    length += 1;
  }
  return decoded.subarray(0, length);
}

/** The value of a hex digit; negative for anything else, and negative it stays when shifted or joined. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** A name that cannot be decoded, still readable in an error: escapes as they are, other bytes replaced. */
function rawName(bytes: Uint8Array): string {
  return shownName(new TextDecoder().decode(bytes));
}

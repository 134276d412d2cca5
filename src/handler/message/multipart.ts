import { findByte, findByteNatively, nearby } from './byte-search.ts';
import { type Field, maxFields, type ParsedFields, tooManyFields } from './fields.ts';
import { partName } from './part-header.ts';
import { byteStringToBytes } from './utf8.ts';

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const hyphen = 0x2d;
const maxPartHeader = 8192;

/**
 * Reads multipart/form-data (RFC 7578, RFC 2046 section 5.1). A part's content is a view of `bytes`, exact in every
 * byte: no charset, no Content-Transfer-Encoding (deprecated by RFC 7578 section 4.7) and no file name changes it.
 * A preamble and an epilogue are stepped over.
 */
export function parseMultipart(bytes: Uint8Array, boundary: string, limit = maxFields): ParsedFields {
  const delimiter = byteStringToBytes(`\r\n--${boundary}`);
  const fields: Field[] = [];
  let current = firstDelimiter(bytes, delimiter);
  while (current !== undefined && !current.last) {
    if (fields.length >= limit) return tooManyFields;
    const headerEnd = findHeaderEnd(bytes, current.end);
    if (headerEnd === undefined) {
      return broken(`part ${fields.length + 1} has no header that ends with an empty line within 8 KiB`);
    }
    const name = partName(bytes.subarray(current.end, headerEnd));
    if (!name.ok) return broken(`part ${fields.length + 1} ${name.message}`);
    const start = headerEnd + 4;
    // A part may end with its header (RFC 2046: the empty line and the content are optional), so that the empty line's
    // own line break begins the delimiter.
    const next = nextDelimiter(bytes, delimiter, start - 2);
    if (next === undefined) break;
    fields.push({ name: name.value, value: bytes.subarray(start, Math.max(start, next.start)) });
    current = next;
  }
  if (current === undefined) return broken('no part begins with the boundary that Content-Type names');
  if (!current.last) return broken('the final boundary is missing');
  return fields.length === 0 ? broken('there are no parts') : { ok: true, fields };
}

function broken(message: string): ParsedFields {
  return { ok: false, message };
}

/** A delimiter line, from its leading line break to the first byte after it. */
interface Delimiter {
  readonly start: number;
  readonly end: number;
  /** It closes the form. */
  readonly last: boolean;
}

function firstDelimiter(bytes: Uint8Array, delimiter: Uint8Array): Delimiter | undefined {
  // The line break that belongs to every other delimiter may be missing before the first one.
  const atStart = matchLength(bytes, 0, delimiter, 2) === delimiter.length - 2;
  return (atStart ? delimiterAt(bytes, 0, delimiter.length - 2) : undefined) ?? nextDelimiter(bytes, delimiter, 0);
}

/**
 * The first delimiter at or after `from`. It takes linear time whatever the bytes are: a carriage return stands at
 * the delimiter's beginning and nowhere else in it, so no other match can begin among the bytes that matched.
 */
function nextDelimiter(bytes: Uint8Array, delimiter: Uint8Array, from: number): Delimiter | undefined {
  const end = bytes.length - delimiter.length;
  for (let i = from; i <= end; ) {
    const near = findDelimiterStart(bytes, delimiter[4] ?? hyphen, i, i + nearby);
    if (near === undefined) {
      i = findByteNatively(bytes, carriageReturn, i + nearby);
      continue;
    }
    const matched = matchLength(bytes, near, delimiter, 0);
    const found = matched === delimiter.length ? delimiterAt(bytes, near, matched) : undefined;
    if (found !== undefined) return found;
    i = near + matched;
  }
  return undefined;
}

/** A loop of its own and nothing else, so that a compiler sees it as hot long before a hostile body is through. */
function findDelimiterStart(bytes: Uint8Array, first: number, from: number, until: number): number | undefined {
  for (let i = from; i < until; i += 1) {
    if (bytes[i] !== carriageReturn || bytes[i + 1] !== lineFeed) continue;
    if (bytes[i + 2] === hyphen && bytes[i + 3] === hyphen && bytes[i + 4] === first) return i;
  }
  return undefined;
}

/** How many bytes at `at` equal the pattern's from its byte `skip` on. */
function matchLength(bytes: Uint8Array, at: number, pattern: Uint8Array, skip: number): number {
  let length = 0;
  while (skip + length < pattern.length && bytes[at + length] === pattern[skip + length]) length += 1;
  return length;
}

/**
 * Judges what follows a boundary: two hyphens close the form, white space may pad the line, and a line break (or the
 * end, after the close) ends it. Anything else, and the bytes only looked like a boundary.
 */
function delimiterAt(bytes: Uint8Array, start: number, length: number): Delimiter | undefined {
  let end = start + length;
  const last = bytes[end] === hyphen && bytes[end + 1] === hyphen;
  if (last) end += 2;
  while (bytes[end] === 0x20 || bytes[end] === 0x09) end += 1;
  if (last && end === bytes.length) return { start, end, last };
  if (bytes[end] !== carriageReturn || bytes[end + 1] !== lineFeed) return undefined;
  return { start, end: end + 2, last };
}

/** Where the empty line's line break pair stands that ends a part's header; the header's last line ends there. */
function findHeaderEnd(bytes: Uint8Array, from: number): number | undefined {
  // Without any header line the empty line comes at once.
  if (bytes[from] === carriageReturn && bytes[from + 1] === lineFeed) return from - 2;
  for (let i = findByte(bytes, carriageReturn, from); i <= from + maxPartHeader; ) {
    if (bytes[i + 1] === lineFeed && bytes[i + 2] === carriageReturn && bytes[i + 3] === lineFeed) return i;
    if (i >= bytes.length) return undefined;
    i = findByte(bytes, carriageReturn, i + 1);
  }
  return undefined;
}

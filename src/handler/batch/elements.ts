import { findByte } from '../message/byte-search.ts';
import { LONG } from '../turns.ts';

/** The raw JSON texts of a batch, one a message, or that somebody else should have a turn before the next. */
export type Elements = Generator<Uint8Array | 'turn', Ending>;

/** How a body ended: whole, or broken, with what was expected. */
export type Ending =
  | { readonly ok: true }
  | { readonly ok: false; readonly kind: 'no-array' | 'malformed'; readonly message: string };

const WHOLE: Ending = { ok: true };

const broken = (message: string): Ending => ({ ok: false, kind: 'malformed', message });

const LINE_FEED = 0x0a;

/** The lines of newline-delimited JSON; empty ones are none. @see https://github.com/ndjson/ndjson-spec */
export function* linesOf(bytes: Uint8Array): Elements {
  let turnAt = LONG;
  for (let start = afterSpace(bytes, 0); start < bytes.length; ) {
    const end = findByte(bytes, LINE_FEED, start);
    yield bytes.subarray(start, end);
    start = afterSpace(bytes, end);
    if (start > turnAt) {
      yield 'turn';
      turnAt = start + LONG;
    }
  }
  return WHOLE;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The elements of a JSON array, without parsing them: an array of 10 MB would be parsed for longer than others may be
 * kept waiting. What is wrong within an element is found when that is parsed.
 */
export function* itemsOf(bytes: Uint8Array): Elements {
  let at = afterSpace(bytes, 0);
  if (bytes[at] !== OPEN_ARRAY) return { ok: false, kind: 'no-array', message: 'expected a JSON array' };
  at = afterSpace(bytes, at + 1);
  if (bytes[at] === CLOSE_ARRAY) return endAfter(bytes, at);
  let turnAt = at + LONG;
  for (;;) {
    const start = at;
    let depth = 0;
    let inString = false;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at];
      if (at > turnAt) {
        yield 'turn';
        turnAt = at + LONG;
      }
      if (byte === QUOTE) inString = !inString;
      else if (inString) at += byte === BACKSLASH ? 1 : 0;
      else if (depth === 0 && (byte === COMMA || byte === CLOSE_ARRAY)) break;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth += 1;
      else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth -= 1;
    }
    if (at >= bytes.length) return broken('the JSON array does not end');
    yield bytes.subarray(start, at);
    if (bytes[at] === CLOSE_ARRAY) return endAfter(bytes, at);
    at = afterSpace(bytes, at + 1);
  }
}

function endAfter(bytes: Uint8Array, end: number): Ending {
  return afterSpace(bytes, end + 1) === bytes.length ? WHOLE : broken('expected nothing after the JSON array');
}

/** Ten million spaces take some 10 ms. */
function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && isSpace(bytes[at])) at += 1;
  return at;
}

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === LINE_FEED || byte === 0x0d || byte === 0x09;

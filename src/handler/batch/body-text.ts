import { LONG, type Turns } from '../turns.ts';

const encoder = new TextEncoder();

/**
 * Writes a text as UTF-8; a long one in several turns. Returns what was written, or undefined where a lone surrogate has
 * no UTF-8.
 *
 * @param into room for it: the JSON that it was read from, which is never shorter and needed no more
 */
export function encodeText(
  text: string,
  into: Uint8Array,
  turns: Turns,
): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  if (text.length > LONG) return encodeLong(text, into, turns);
  if (LONE_SURROGATE.test(text)) return undefined;
  return into.subarray(0, encoder.encodeInto(text, into).written);
}

const LONE_SURROGATE = /\p{Cs}/u;

async function encodeLong(text: string, into: Uint8Array, turns: Turns): Promise<Uint8Array | undefined> {
  let written = 0;
  for (let start = 0; start < text.length; ) {
    const end = beforeLowSurrogate(text, Math.min(start + LONG, text.length));
    const part = text.slice(start, end);
    if (LONE_SURROGATE.test(part)) return undefined;
    written += encoder.encodeInto(part, into.subarray(written)).written;
    start = end;
    if (turns.due) await turns.next();
  }
  return into.subarray(0, written);
}

/** The same end, or that of the characters before one which it would cut in two. */
function beforeLowSurrogate(text: string, end: number): number {
  const next = text.charCodeAt(end);
  return next >= 0xdc00 && next <= 0xdfff ? end - 1 : end;
}

/**
 * Writes what a text is in base64 (RFC 4648 section 4, padding required); a long one in several turns. Returns what was
 * written, or undefined where the text is no base64.
 *
 * @param into room for it
 */
export function decodeBase64(
  text: string,
  into: Uint8Array,
  turns: Turns,
): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  if (text.length % 4 !== 0) return undefined;
  return text.length > LONG ? decodeLong(text, into, turns) : decode(text, into, true);
}

async function decodeLong(text: string, into: Uint8Array, turns: Turns): Promise<Uint8Array | undefined> {
  let written = 0;
  // LONG is a multiple of four: no part begins within a group.
  for (let start = 0; start < text.length; start += LONG) {
    const part = decode(text.slice(start, start + LONG), into.subarray(written), start + LONG >= text.length);
    if (part === undefined) return undefined;
    written += part.length;
    if (turns.due) await turns.next();
  }
  return into.subarray(0, written);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const UNPADDED = /^[A-Za-z0-9+/]*$/;

function decode(text: string, into: Uint8Array, isLast: boolean): Uint8Array | undefined {
  if (!(isLast ? BASE64 : UNPADDED).test(text)) return undefined;
  const characters = atob(text);
  for (let at = 0; at < characters.length; at += 1) into[at] = characters.charCodeAt(at);
  return into.subarray(0, characters.length);
}

import { LONG, type Turns } from '../turns.ts';

const encoder = new TextEncoder();

/** Encodes a text that is well-formed and not long. */
export type Encode = (text: string) => Uint8Array;

const encodeApart: Encode = (text) => encoder.encode(text);

/** For texts that take no more than so many bytes together: a buffer for each would cost more than to encode it. */
export function encodeTogether(bytes: number): Encode {
  let rest = new Uint8Array(bytes);
  return (text) => {
    const { written } = encoder.encodeInto(text, rest);
    const encoded = rest.subarray(0, written);
    rest = rest.subarray(written);
    return encoded;
  };
}

/** A text as UTF-8, or undefined where a lone surrogate has none. A long one is encoded in several turns. */
export function encodeText(
  text: string,
  turns: Turns,
  encode = encodeApart,
): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  if (text.length > LONG) return encodeLong(text, turns);
  return LONE_SURROGATE.test(text) ? undefined : encode(text);
}

const LONE_SURROGATE = /\p{Cs}/u;

async function encodeLong(text: string, turns: Turns): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < text.length; ) {
    const end = beforeLowSurrogate(text, Math.min(start + LONG, text.length));
    const part = text.slice(start, end);
    if (LONE_SURROGATE.test(part)) return undefined;
    parts.push(encodeApart(part));
    start = end;
    if (turns.due) await turns.next();
  }
  return joined(parts);
}

/** The same end, or that of the characters before one which it would cut in two. */
function beforeLowSurrogate(text: string, end: number): number {
  const next = text.charCodeAt(end);
  return next >= 0xdc00 && next <= 0xdfff ? end - 1 : end;
}

/** Base64 (RFC 4648 section 4, padding required), or undefined where a text is none. A long one in several turns. */
export function decodeBase64(text: string, turns: Turns): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  if (text.length % 4 !== 0) return undefined;
  return text.length > LONG ? decodeLong(text, turns) : decode(text, true);
}

async function decodeLong(text: string, turns: Turns): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  // LONG is a multiple of four: no part begins within a group.
  for (let start = 0; start < text.length; start += LONG) {
    const part = decode(text.slice(start, start + LONG), start + LONG >= text.length);
    if (part === undefined) return undefined;
    parts.push(part);
    if (turns.due) await turns.next();
  }
  return joined(parts);
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const UNPADDED = /^[A-Za-z0-9+/]*$/;

function decode(text: string, isLast: boolean): Uint8Array | undefined {
  if (!(isLast ? BASE64 : UNPADDED).test(text)) return undefined;
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let at = 0; at < characters.length; at += 1) bytes[at] = characters.charCodeAt(at);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

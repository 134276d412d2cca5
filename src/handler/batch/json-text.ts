import { decodeUtf8 } from '../message/utf8.ts';
import { LONG, type Turns } from '../turns.ts';

export type JsonResult =
  | { readonly ok: true; readonly value: unknown; readonly text: string }
  | { readonly ok: false; readonly message: string };

/**
 * Brackets, braces, commas and colons outside of strings that a long JSON text may have. Parsing a million of them takes
 * a second; the largest headers that AMQP takes have fewer than this.
 */
const MAX_MARKS = 65_536;

const brokenJson: JsonResult = { ok: false, message: 'expected JSON, found something broken' };
const notUtf8: JsonResult = { ok: false, message: 'expected UTF-8' };
const tooManyValues: JsonResult = { ok: false, message: 'too many values' };

/** Parses one JSON text; a long one in several turns. */
export async function parseLong(bytes: Uint8Array, turns: Turns): Promise<JsonResult> {
  if (await hasTooManyMarks(bytes, turns)) return tooManyValues;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  try {
    for (let start = 0; start < bytes.length; start += LONG) {
      text += decoder.decode(bytes.subarray(start, start + LONG), { stream: start + LONG < bytes.length });
      if (turns.due) await turns.next();
    }
  } catch {
    return notUtf8;
  }
  await turns.next();
  return parse(text);
}

/** Parses one JSON text in one go: for `isShort` ones. */
export function parseShort(bytes: Uint8Array): JsonResult {
  const text = decodeUtf8(bytes);
  return text === undefined ? notUtf8 : parse(text);
}

export const isShort = (bytes: Uint8Array): boolean => bytes.length <= LONG;

function parse(text: string): JsonResult {
  try {
    return { ok: true, value: JSON.parse(text), text };
  } catch {
    return brokenJson;
  }
}

async function hasTooManyMarks(bytes: Uint8Array, turns: Turns): Promise<boolean> {
  let marks = 0;
  let inString = false;
  let turnAt = LONG;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (at > turnAt) {
      turnAt = at + LONG;
      if (turns.due) await turns.next();
    }
    if (byte === QUOTE) inString = !inString;
    else if (inString) at += byte === BACKSLASH ? 1 : 0;
    else {
      marks += MARKS[byte ?? 0] ?? 0;
      if (marks > MAX_MARKS) return true;
    }
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** 1 for each byte that is a mark. */
const MARKS = new Uint8Array(256);
for (const mark of '[]{},:') MARKS[mark.charCodeAt(0)] = 1;

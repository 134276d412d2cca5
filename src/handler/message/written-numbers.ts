import { LONG, type Turns } from '../turns.ts';

/**
 * JSON.parse gives the same number for `2` and `2.0`, and rounds integers past 2^53. Where the difference matters, such
 * numbers are put into strings before the text is parsed. Each string begins with a random mark, which no client knows.
 */
export class MarkedJson {
  readonly value: unknown;
  readonly #mark: string;

  constructor(value: unknown, mark: string) {
    this.value = value;
    this.#mark = mark;
  }

  /** What stands under a name in it, if it is an object. */
  member(name: string): MarkedJson {
    const { value } = this;
    const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, name);
    return new MarkedJson(isObject ? Reflect.get(value, name) : undefined, this.#mark);
  }

  /** The number as it was written, where a string of this JSON stands for one. */
  literalOf(text: string): string | undefined {
    return text.startsWith(this.#mark) ? text.slice(this.#mark.length) : undefined;
  }
}

/** Finds every text with a number that may need a mark, and some others: digits in strings are found, too. */
const MAY_NEED_MARKS = /\d[.eE]|\d{16}/;

/** A valid JSON text with marks where they are needed; undefined where none are. */
export function markNumbers(text: string): MarkedJson | undefined {
  if (!MAY_NEED_MARKS.test(text)) return undefined;
  const mark = crypto.randomUUID();
  const marking = markedText(text, mark);
  let step = marking.next();
  while (!step.done) step = marking.next();
  return step.value === text ? undefined : new MarkedJson(JSON.parse(step.value), mark);
}

/** As `markNumbers`, in several turns of the event loop. */
async function markNumbersInTurns(text: string, turns: Turns): Promise<MarkedJson | undefined> {
  const mark = crypto.randomUUID();
  const marking = markedText(text, mark);
  let step = marking.next();
  for (; !step.done; step = marking.next()) if (turns.due) await turns.next();
  return step.value === text ? undefined : new MarkedJson(JSON.parse(step.value), mark);
}

/**
 * The headers that stand at a path of a JSON text, with marks where they are needed.
 *
 * @param headers what JSON.parse found there
 */
export function writtenHeaders(
  headers: unknown,
  text: string,
  path: readonly string[],
  turns: Turns,
): unknown | Promise<unknown> {
  if (typeof headers !== 'object' || headers === null) return headers;
  const at = (marked: MarkedJson | undefined): unknown =>
    marked ? path.reduce((json, name) => json.member(name), marked) : headers;
  return text.length > LONG ? markNumbersInTurns(text, turns).then(at) : at(markNumbers(text));
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const [DIGIT_0, DIGIT_9] = [0x30, 0x39];

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Of so many digits, a number may be past 2^53. */
const ROUNDED_FROM = 16;

/** Yields now and then, for others to have their turn. The text must be valid JSON. */
function* markedText(text: string, mark: string): Generator<undefined, string> {
  const parts: string[] = [];
  let copied = 0;
  let turnAt = LONG;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    if (at >= turnAt) {
      turnAt = at + LONG;
      yield undefined;
    }
    const code = text.charCodeAt(at);
    if (code === QUOTE) inString = !inString;
    else if (inString) at += code === BACKSLASH ? 1 : 0;
    else if (code === MINUS || (code >= DIGIT_0 && code <= DIGIT_9)) {
      NUMBER.lastIndex = at;
      const literal = NUMBER.exec(text)?.[0] ?? '';
      if (literal.length >= ROUNDED_FROM || /[.eE]/.test(literal)) {
        parts.push(text.slice(copied, at), `"${mark}${literal}"`);
        copied = at + literal.length;
      }
      at += Math.max(0, literal.length - 1);
    }
  }
  return copied === 0 ? text : parts.join('') + text.slice(copied);
}

import * as v from 'valibot';
import { type Kind, scalar } from './kind.ts';
import { didYouMean } from './nearest.ts';

const asIs = (text: string): unknown => text;

/**
 * A number where the text is one, else the text, for the schema to refuse: `8000`, `1_000`, `4.5`. Not `010`, which is
 * 8 to some and 10 to others.
 */
function asNumber(text: string): unknown {
  const isNumber = /^[+-]?((0|[1-9]\d*(_\d+)*)(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text);
  return isNumber ? Number(text.replaceAll('_', '')) : text;
}

/** The words of YAML 1.1, and 1 and 0. */
function asBoolean(value: unknown): unknown {
  const word = String(value);
  if (/^(true|yes|on|1)$/i.test(word)) return true;
  if (/^(false|no|off|0)$/i.test(word)) return false;
  return value;
}

/** A number, or its digits in quotes. */
const numeric = (expected: string) =>
  v.pipe(
    v.unknown(),
    v.transform((value) => (typeof value === 'string' ? asNumber(value) : value)),
    v.number(expected),
  );

export const flag: Kind<boolean> = scalar(
  v.pipe(v.unknown(), v.transform(asBoolean), v.boolean('expected true or false')),
  asIs,
);

/** A text that passes a test. */
export function textThat(test: (text: string) => boolean, expected: string): Kind<string> {
  return scalar(v.pipe(v.string(expected), v.check(test, expected)), asIs);
}

/** A text that becomes something else; undefined where it cannot. */
export function textTo<T>(
  parse: (text: string) => T | undefined,
  expected: string,
  print: (value: T) => string,
): Kind<T> {
  const schema = v.pipe(
    v.string(expected),
    v.rawTransform<string, T>(({ dataset, addIssue, NEVER }) => {
      const parsed = parse(dataset.value);
      if (parsed !== undefined) return parsed;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
  return scalar(schema, asIs, print);
}

export const userName = textThat((text) => /^[^\s:]+$/.test(text), 'expected a user name');

export const brokerUser = textThat((text) => text !== '', 'expected the name of a RabbitMQ user');

export const anyText = textThat(() => true, 'expected a text');

export const filePath = textThat((text) => text !== '' && !text.includes('\0'), 'expected a path');

/** The kernel's limit, without the NUL at the end. */
const longestSocketPath = 107;

export const socketPath = textThat(
  (text) => text !== '' && !text.includes('\0') && new TextEncoder().encode(text).length <= longestSocketPath,
  `expected the path of a socket, at most ${longestSocketPath} bytes`,
);

export function integer(min: number, max: number): Kind<number> {
  const expected = `expected an integer from ${min} to ${max}`;
  const within = (value: number) => Number.isInteger(value) && value >= min && value <= max;
  return scalar(v.pipe(numeric(expected), v.check(within, expected)), asIs);
}

export const port = integer(1, 65535);

/** How many of something. */
export const count = integer(1, 1_000_000_000);

// Beyond 24 days a timer fires at once.
const longestSeconds = 1_000_000;
const secondsExpected = `expected seconds, a number from 0.001 to ${longestSeconds}`;

/** Seconds in the file, whole milliseconds in the configuration. */
export const seconds: Kind<number> = scalar(
  v.pipe(
    numeric(secondsExpected),
    v.check((value) => value >= 0.001 && value <= longestSeconds, secondsExpected),
    v.transform((value) => Math.round(value * 1000)),
  ),
  asIs,
  (ms) => ms / 1000,
);

/** Exactly one of some words. */
export function oneOf<const T extends string>(words: readonly T[]): Kind<T> {
  const list = `expected one of ${words.join(', ')}`;
  const schema = v.pipe(
    v.string(list),
    v.picklist(words, ({ input }) => `${list}${typeof input === 'string' ? didYouMean(input, words) : ''}`),
  );
  return scalar(schema, asIs);
}

/** Exactly one of some numbers, with the words that explain them. */
export function oneNumberOf<const T extends number>(numbers: readonly T[], expected: string): Kind<T> {
  return scalar(v.pipe(numeric(expected), v.picklist(numbers, expected)), asIs);
}

import type { Kind } from './kind.ts';

/** Python's names of levels. */
const levels = new Map([
  ['NOTSET', 0],
  ['DEBUG', 10],
  ['INFO', 20],
  ['WARNING', 30],
  ['WARN', 30],
  ['ERROR', 40],
  ['CRITICAL', 50],
  ['FATAL', 50],
]);

const levelExpected = `expected a level, an integer or one of ${[...levels.keys()].join(', ')}`;

/** A level as `logging.setLevel` takes it: a name in capitals, or any integer. */
export const level: Kind<number> = {
  read(value, at, report) {
    // Python's True is 1.
    if (typeof value === 'boolean') return Number(value);
    if (typeof value === 'number' && Number.isInteger(value)) return value;
    const number = typeof value === 'string' ? levels.get(value) : undefined;
    if (number === undefined) report(at, levelExpected, typeof value === 'string' ? undefined : { value });
    return number;
  },
  print: (number) => [...levels].find(([, each]) => each === number)?.[0] ?? number,
};

/** Anything, as Python's `if` takes it. */
export const truth: Kind<boolean> = { read: isTrue, print: (value) => value };

/** YAML 1.1's words for false, which YAML 1.2 has as texts. */
const FALSE_WORD = /^(no|No|NO|off|Off|OFF|false|False|FALSE)$/;

/** A text is true unless it is empty, or a word for false, quoted or not. */
export function isTrue(value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && !FALSE_WORD.test(value);
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return Boolean(value);
}

/** syslog's facilities by name, as Python has them. */
export const facilities = new Map([
  ['kern', 0],
  ['user', 1],
  ['mail', 2],
  ['daemon', 3],
  ['auth', 4],
  ['syslog', 5],
  ['lpr', 6],
  ['news', 7],
  ['uucp', 8],
  ['cron', 9],
  ['authpriv', 10],
  ['ftp', 11],
  ['ntp', 12],
  ['security', 13],
  ['console', 14],
  ['solaris-cron', 15],
  ...Array.from({ length: 8 }, (_, number) => [`local${number}`, 16 + number] as const),
]);

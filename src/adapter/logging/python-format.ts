import strftime from 'strftime';
import type { LogFormatter } from '../../config/logging.ts';
import type { LogLevel } from '../../handler/log.ts';
import { type Entry, messageOf } from './entry.ts';

/** A log format of Python's percent style, ready for use. */
export type Format = (entry: Entry) => string;

const LEVELS: Readonly<Record<LogLevel, readonly [name: string, number: number]>> = {
  debug: ['DEBUG', 10],
  info: ['INFO', 20],
  warning: ['WARNING', 30],
  error: ['ERROR', 40],
};

const STARTED_AT = Date.now() - performance.now();

const CONVERSION = /%(?:%|\((?<field>\w+)\)(?<flags>[-#0 +]*)(?<width>\d*)(?:\.(?<precision>\d+))?(?<type>[a-zA-Z]))/g;

/**
 * The format and the date format of a formatter. What Python knows of its code and of its threads has no counterpart
 * here: a line says where it comes from by its logger, and there is one thread.
 *
 * @see https://docs.python.org/3/library/logging.html#logrecord-attributes
 */
export function pythonFormat({ format, datefmt }: LogFormatter): Format {
  return (entry) =>
    format.replace(CONVERSION, (whole, ...args: unknown[]) => {
      const groups = args.at(-1);
      return isConversion(groups) ? convert(attribute(groups.field, entry, datefmt), groups) : whole.slice(1);
    });
}

interface Conversion {
  readonly field: string;
  readonly flags: string;
  readonly width: string;
  readonly precision: string | undefined;
  readonly type: string;
}

const isConversion = (groups: unknown): groups is Conversion =>
  typeof groups === 'object' && groups !== null && 'field' in groups && groups.field !== undefined;

function attribute(field: string, entry: Entry, datefmt: string | undefined): string | number {
  const [levelName, levelNumber] = LEVELS[entry.level];
  switch (field) {
    case 'asctime':
      return asctime(entry.time, datefmt);
    case 'created':
      return entry.time / 1000;
    case 'msecs':
      return Math.floor(entry.time % 1000);
    case 'relativeCreated':
      return entry.time - STARTED_AT;
    case 'levelname':
      return levelName;
    case 'levelno':
      return levelNumber;
    case 'message':
      return messageOf(entry);
    case 'name':
      return entry.name;
    case 'process':
      return process.pid;
    case 'processName':
      return process.title;
    case 'threadName':
      return 'MainThread';
    case 'lineno':
    case 'thread':
      return 0;
    case 'taskName':
      return 'None';
    default:
      return entry.name.split('.').at(-1) ?? '';
  }
}

/** ISO 8601 with a comma before the milliseconds, as Python has it, in local time. */
function asctime(time: number, datefmt: string | undefined): string {
  const date = new Date(time);
  return datefmt === undefined ? strftime('%Y-%m-%d %H:%M:%S,%L', date) : strftime(datefmt, date);
}

/** Python's own rules, which are those of printf. */
function convert(value: string | number, { flags, width, precision, type }: Conversion): string {
  const digits = precision === undefined ? undefined : Number(precision);
  const text = /[srac]/.test(type) ? String(value).slice(0, digits) : numberText(Number(value), type, digits, flags);
  const length = Number(width || 0);
  if (flags.includes('-')) return text.padEnd(length);
  if (!flags.includes('0') || /[srac]/.test(type)) return text.padStart(length);
  const sign = /^[-+ ]/.exec(text)?.[0] ?? '';
  return sign + text.slice(sign.length).padStart(length - sign.length, '0');
}

function numberText(value: number, type: string, precision: number | undefined, flags: string): string {
  const magnitude = Math.abs(value);
  const sign = value < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  switch (type) {
    case 'f':
    case 'F':
      return sign + magnitude.toFixed(precision ?? 6);
    case 'e':
    case 'E':
      return sign + inCase(type, exponential(magnitude, precision ?? 6));
    case 'g':
    case 'G':
      return sign + inCase(type, String(magnitude));
    case 'x':
    case 'X':
      return sign + inCase(type, Math.trunc(magnitude).toString(16));
    case 'o':
      return sign + Math.trunc(magnitude).toString(8);
    default:
      return sign + String(Math.trunc(magnitude)).padStart(precision ?? 0, '0');
  }
}

const inCase = (type: string, text: string): string => (type === type.toUpperCase() ? text.toUpperCase() : text);

/** C and Python give an exponent two digits at least. */
const exponential = (value: number, precision: number): string =>
  value.toExponential(precision).replace(/(?<=e[-+])\d$/, '0$&');

import { type FormatPiece, parseFormat } from '../../config/log-format.ts';
import { type BraceField, type FormatSpec, INNER_FIELD, parseSpec } from '../../config/log-format-braces.ts';
import type { PercentField } from '../../config/log-format-percents.ts';
import type { TextFormatter } from '../../config/logging.ts';
import type { Entry } from './entry.ts';
import { floatText, general, grouped, inCase, integerText } from './python-numbers.ts';
import { attribute } from './python-record.ts';
import {
  ascii,
  filling,
  firstOf,
  isText,
  lengthOf,
  type PythonNumber,
  type PythonValue,
  repr,
  str,
} from './python-values.ts';

/** A formatter, ready for use: a record's line without its end. */
export type Format = (entry: Entry) => string;

/** What Python's `logging.Formatter` makes of the same record. */
export function pythonFormat(formatter: TextFormatter): Format {
  const parsed = parseFormat(formatter);
  // The configuration has been judged by the same function.
  if (!parsed.ok) throw new Error(parsed.mistake);
  const { pieces } = parsed;
  return (entry) => {
    const lookUp = (field: string): PythonValue => attribute(field, entry, formatter);
    return pieces.map((piece) => spelled(piece, lookUp)).join('');
  };
}

function spelled(piece: FormatPiece, lookUp: (field: string) => PythonValue): string {
  if (typeof piece === 'string') return piece;
  return piece.kind === 'percents' ? ofPercents(piece, lookUp(piece.field)) : ofBraces(piece, lookUp);
}

function ofPercents({ flags, width, precision, type }: PercentField, value: PythonValue): string {
  if ('rsa'.includes(type)) return justified(firstOf(converted(value, type), precision), width, flags.includes('-'));
  const number = Number(value.value);
  const whole = 'diuxXoc'.includes(type);
  const alternate = flags.includes('#');
  const digits = whole
    ? integerText(Math.trunc(Math.abs(number)), type).padStart(type === 'c' ? 0 : (precision ?? 0), '0')
    : floatText(Math.abs(number), type, precision ?? 6, alternate);
  if (type === 'c') return justified(digits, width, flags.includes('-'));
  const sign = number < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const prefix = sign + (alternate && whole ? prefixOf(type) : '');
  if (flags.includes('-') || !flags.includes('0')) return justified(prefix + digits, width, flags.includes('-'));
  return prefix + filling(prefix + digits, width, '0') + digits;
}

const justified = (text: string, width: number, left: boolean): string =>
  left ? text + filling(text, width, ' ') : filling(text, width, ' ') + text;

function converted(value: PythonValue, conversion: string): string {
  if (conversion === 'r') return repr(value);
  return conversion === 'a' ? ascii(value) : str(value);
}

function prefixOf(type: string): string {
  return /[boxX]/.test(type) ? `0${type}` : '';
}

function ofBraces({ field, conversion, spec }: BraceField, lookUp: (field: string) => PythonValue): string {
  const given = lookUp(field);
  const value: PythonValue = conversion ? { type: 'text', value: converted(given, conversion) } : given;
  if (spec === '') return str(value);
  const parsed = parseSpec(spec.replaceAll(INNER_FIELD, (_, inner: string) => str(lookUp(inner))));
  // A field within the specification may make one that Python would not take; the value is worth more than its looks.
  if (parsed === undefined) return str(value);
  return isText(value) ? aligned(value.value, parsed) : alignedNumber(value, parsed);
}

function aligned(text: string, { fill, align, width, precision }: FormatSpec): string {
  const cut = firstOf(text, precision);
  return withFilling('', cut, filling(cut, width, fill), align ?? '<');
}

function alignedNumber(value: PythonNumber, spec: FormatSpec): string {
  const { fill, align, sign, alternate, zero, width, grouping, type } = spec;
  const plain = numberText(value, spec);
  const signed = value.value < 0 ? '-' : sign === '+' || sign === ' ' ? sign : '';
  const prefix = type === 'c' ? '' : signed + (alternate ? prefixOf(type) : '');
  const placed = align ?? (zero ? '=' : '>');
  const size = /[boxX]/.test(type) ? 4 : 3;
  const digits =
    grouping === undefined
      ? plain
      : grouped(plain, grouping, size, placed === '=' && fill === '0' ? width - prefix.length : 0);
  return withFilling(prefix, digits, filling(prefix + digits, width, fill), placed);
}

function numberText({ type: kind, value }: PythonNumber, spec: FormatSpec): string {
  const { type, precision, alternate } = spec;
  const magnitude = Math.abs(value);
  if (type === '%') return `${floatText(magnitude * 100, 'f', precision ?? 6, alternate)}%`;
  if (kind === 'integer' && !/[eEfFgG]/.test(type)) return integerText(magnitude, type);
  if (type === '') {
    if (precision === undefined) return str({ type: 'float', value: magnitude });
    return general(magnitude, precision || 1, alternate, 1);
  }
  return inCase(type, floatText(magnitude, type === 'n' ? 'g' : type, precision ?? 6, alternate));
}

function withFilling(prefix: string, text: string, fill: string, align: '<' | '>' | '^' | '='): string {
  switch (align) {
    case '<':
      return prefix + text + fill;
    case '>':
      return fill + prefix + text;
    case '=':
      return prefix + fill + text;
    case '^': {
      const left = firstOf(fill, Math.floor(lengthOf(fill) / 2));
      return left + prefix + text + fill.slice(left.length);
    }
  }
}

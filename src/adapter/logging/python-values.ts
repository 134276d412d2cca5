import type { FieldType } from '../../config/log-fields.ts';

/** A value with the type that Python gives it, for that decides how it is spelled. */
export type PythonValue = PythonText | PythonNumber;

export interface PythonText {
  readonly type: Extract<FieldType, 'text' | 'object'>;
  readonly value: string;
}

export interface PythonNumber {
  readonly type: Extract<FieldType, 'integer' | 'float'>;
  readonly value: number;
}

export const isText = (value: PythonValue): value is PythonText => value.type === 'text' || value.type === 'object';

/** Python's `str()`. */
export function str(value: PythonValue): string {
  return value.type === 'float' ? floatRepr(value.value) : String(value.value);
}

/** Python's `repr()`. */
export function repr(value: PythonValue): string {
  if (value.type !== 'text') return str(value);
  const quote = value.value.includes("'") && !value.value.includes('"') ? '"' : "'";
  const inside = value.value.replace(/[\\\n\r\t]|[^\P{C}]|[^\P{Z} ]/gu, escaped);
  return quote + inside.replaceAll(quote, `\\${quote}`) + quote;
}

/** Python's `ascii()`. */
export function ascii(value: PythonValue): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what ASCII is
  return repr(value).replace(/[^\x00-\x7f]/gu, escaped);
}

const SHORT_ESCAPES = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function escaped(character: string): string {
  const short = SHORT_ESCAPES.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** The shortest text that gives the same double again: JavaScript's, with a point and two digits of exponent. */
function floatRepr(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return value.toFixed(1);
  return String(value).replace(/(?<=e[-+])\d$/, '0$&');
}

/** Texts are as long as they have code points. */
export const lengthOf = (text: string): number => [...text].length;

export const firstOf = (text: string, length: number | undefined): string =>
  length === undefined ? text : [...text].slice(0, length).join('');

/** What fills a text up to a width. */
export const filling = (text: string, width: number, fill: string): string =>
  fill.repeat(Math.max(0, width - lengthOf(text)));

import type { FieldType } from './log-fields.ts';
import type { TypeOf } from './log-format.ts';
import { type ParsedFormat, unknownField } from './log-format-pieces.ts';

/** `{field!r:>10}`, as Python's `str.format` has it. */
export interface BraceField {
  readonly kind: 'braces';
  readonly field: string;
  readonly conversion: 'r' | 's' | 'a' | undefined;
  /** What follows the colon, a field inside it included. */
  readonly spec: string;
}

/**
 * A format specification, taken apart.
 *
 * @see https://docs.python.org/3/library/string.html#format-specification-mini-language
 */
export interface FormatSpec {
  readonly fill: string;
  readonly align: '<' | '>' | '^' | '=' | undefined;
  readonly sign: '+' | '-' | ' ' | undefined;
  readonly alternate: boolean;
  /** A zero before the width: zeros between sign and digits. */
  readonly zero: boolean;
  readonly width: number;
  readonly grouping: ',' | '_' | undefined;
  readonly precision: number | undefined;
  /** A conversion; `''` where none is named. */
  readonly type: string;
}

const SPEC =
  /^(?:(?<fill>.)?(?<align>[<>=^]))?(?<sign>[-+ ])?(?<alternate>#)?(?<zero>0)?(?<width>\d+)?(?<grouping>[,_])?(?:\.(?<precision>\d+))?(?<type>[bcdeEfFgGnosxX%])?$/su;

/** Undefined where Python would not take it. */
export function parseSpec(spec: string): FormatSpec | undefined {
  const groups = SPEC.exec(spec)?.groups;
  if (groups === undefined) return undefined;
  const { fill, align, sign, alternate, zero, width, grouping, precision, type } = groups;
  return {
    fill: fill ?? (zero === undefined ? ' ' : '0'),
    align: isOneOf(align, ['<', '>', '=', '^'] as const),
    sign: isOneOf(sign, ['+', '-', ' '] as const),
    alternate: alternate !== undefined,
    zero: zero !== undefined,
    width: Number(width ?? 0),
    grouping: isOneOf(grouping, [',', '_'] as const),
    precision: precision === undefined ? undefined : Number(precision),
    type: type ?? '',
  };
}

function isOneOf<const T extends string>(text: string | undefined, words: readonly T[]): T | undefined {
  return words.find((word) => word === text);
}

const FIELD =
  /^(?<field>[^!:{}[\].]*)(?<below>[^!:{}]*)(?:!(?<conversion>[^:{}]))?(?::(?<spec>(?:[^{}]|\{[^{}]*\})*))?$/su;

/** Fields within a format specification: `{message:{width}}`. */
export const INNER_FIELD = /\{(?<inner>\w*)\}/g;

const EXPECTED =
  'expected a log format, where { and } are doubled or enclose a field such as {message} or {levelname:<8}';

export function parseBraces(text: string, typeOf: TypeOf): ParsedFormat<string | BraceField> {
  const pieces: (string | BraceField)[] = [];
  for (let at = 0; at < text.length; ) {
    const next = text.slice(at).search(/[{}]/);
    if (next < 0) {
      pieces.push(text.slice(at));
      break;
    }
    const brace = at + next;
    pieces.push(text.slice(at, brace));
    if (text[brace + 1] === text[brace]) {
      pieces.push(text.slice(brace, brace + 1));
      at = brace + 2;
      continue;
    }
    const end = text[brace] === '{' ? endOfField(text, brace) : -1;
    if (end < 0) return { ok: false, mistake: EXPECTED };
    const field = parseField(text.slice(brace + 1, end), typeOf);
    if (typeof field === 'string') return { ok: false, mistake: field };
    pieces.push(field);
    at = end + 1;
  }
  return { ok: true, pieces };
}

function endOfField(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    else if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** The field, or what is wrong with it. */
function parseField(text: string, typeOf: TypeOf): BraceField | string {
  const groups = FIELD.exec(text)?.groups;
  if (groups === undefined) return EXPECTED;
  const { field = '', below = '', conversion: named, spec = '' } = groups;
  const type = typeOf(field);
  if (type === undefined) return unknownField(`{${field}}`, field);
  if (below !== '') return `{${field}${below}} reaches into a Python object, which is not here; expected {${field}}`;
  const conversion = isOneOf(named, ['r', 's', 'a'] as const);
  if (named !== undefined && conversion === undefined) return `expected !r, !s or !a after {${field}`;
  for (const { groups: { inner = '' } = {} } of spec.matchAll(INNER_FIELD)) {
    if (typeOf(inner) === undefined) return unknownField(`{${inner}}`, inner);
  }
  const parsed = parseSpec(spec.replaceAll(INNER_FIELD, '1'));
  if (parsed === undefined || !suits(parsed, spec, conversion === undefined ? type : 'text')) {
    return `{${text}}: the part after the colon is not for this field`;
  }
  return { kind: 'braces', field, conversion, spec };
}

/** Whether Python formats a value of this type so. */
function suits(parsed: FormatSpec, spec: string, type: FieldType): boolean {
  switch (type) {
    case 'object':
      return spec === '';
    case 'text': {
      const { align, sign, alternate, grouping } = parsed;
      const onlyForNumbers = align === '=' || sign !== undefined || alternate || grouping !== undefined;
      return !onlyForNumbers && /^s?$/.test(parsed.type);
    }
    case 'float':
      return /^[eEfFgGn%]?$/.test(parsed.type) && !(parsed.type === 'n' && parsed.grouping);
    case 'integer': {
      if (parsed.grouping !== undefined && !groupable(parsed)) return false;
      if (/^[bcdnoxX]?$/.test(parsed.type))
        return parsed.precision === undefined && !(parsed.type === 'c' && parsed.sign);
      return /^[eEfFgG%]$/.test(parsed.type);
    }
  }
}

const groupable = ({ grouping, type }: FormatSpec): boolean =>
  grouping === ',' ? /^[deEfFgG%]?$/.test(type) : /^[bdeEfFgGoxX%]?$/.test(type);

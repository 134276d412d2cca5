import { type FieldType, isLogField, logFields } from './log-fields.ts';
import { type BraceField, parseBraces } from './log-format-braces.ts';
import { type PercentField, parsePercents } from './log-format-percents.ts';
import { type ParsedFormat, unknownField } from './log-format-pieces.ts';
import type { DefaultValue, LogStyle, TextFormatter } from './logging.ts';

/** A part of a format: a text as it is, or a field with how it is spelled. */
export type FormatPiece = string | PercentField | BraceField;

/** Python's names of the fields that a format may have, with their types. */
export type TypeOf = (field: string) => FieldType | undefined;

const DEFAULT_FORMATS: Readonly<Record<LogStyle, string>> = {
  '%': '%(message)s',
  '{': '{message}',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is Python's string.Template
  $: '${message}',
};

/** Reads a format in its style, or says why Python would not format a record with it. */
export function parseFormat({ format, style, validate, defaults }: TextFormatter): ParsedFormat<FormatPiece> {
  const text = format || DEFAULT_FORMATS[style];
  const parsed = parseStyle(text, style, (field) => typeOf(field, defaults));
  if (!parsed.ok) return parsed;
  if (validate && parsed.pieces.every((piece) => typeof piece === 'string')) {
    return {
      ok: false,
      mistake: `expected a log format with a field, such as ${DEFAULT_FORMATS[style]}, or validate: false`,
    };
  }
  return parsed;
}

function parseStyle(text: string, style: LogStyle, typeOfField: TypeOf): ParsedFormat<FormatPiece> {
  switch (style) {
    case '%':
      return parsePercents(text, typeOfField);
    case '{':
      return parseBraces(text, typeOfField);
    case '$':
      return parseTemplate(text, typeOfField);
  }
}

function typeOf(field: string, defaults: ReadonlyMap<string, DefaultValue>): FieldType | undefined {
  if (isLogField(field)) return logFields[field];
  const value = defaults.get(field);
  if (value === undefined) return undefined;
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'float';
  return 'object';
}

/** Python's `string.Template`: `$name`, `${name}` and `$$`. */
const PLACEHOLDER = /\$(?:(?<escaped>\$)|(?<named>[_a-z][_a-z0-9]*)|\{(?<braced>[_a-z][_a-z0-9]*)\}|(?<invalid>))/gi;

function parseTemplate(text: string, typeOfField: TypeOf): ParsedFormat<FormatPiece> {
  const pieces: FormatPiece[] = [];
  let end = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    const { escaped, named, braced } = match.groups ?? {};
    pieces.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    const field = named ?? braced;
    if (escaped !== undefined) pieces.push('$');
    else if (field === undefined) {
      return { ok: false, mistake: `expected a log format, where each $ begins $$, $name or $\{name}` };
    } else {
      if (typeOfField(field) === undefined) return { ok: false, mistake: unknownField(`$${field}`, field) };
      pieces.push({ kind: 'braces', field, conversion: 's', spec: '' });
    }
  }
  pieces.push(text.slice(end));
  return { ok: true, pieces };
}

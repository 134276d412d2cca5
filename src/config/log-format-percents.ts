import type { TypeOf } from './log-format.ts';
import { type ParsedFormat, unknownField } from './log-format-pieces.ts';

/**
 * `%(field)-10.3s`.
 *
 * @see https://docs.python.org/3/library/stdtypes.html#printf-style-string-formatting
 */
export interface PercentField {
  readonly kind: 'percents';
  readonly field: string;
  /** Among `-`, `#`, `0`, `+` and space. */
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  /** The conversion: one of `diouxXeEfFgGcrsa`. */
  readonly type: string;
}

const CONVERSION =
  /%(?:\((?<field>[^()]*)\))?(?<flags>[-#0 +]*)(?<width>\d*)(?:\.(?<precision>\d*))?[hlL]?(?<type>[diouxXeEfFgGcrsa%])?/g;

const EXPECTED = 'expected a log format, where each % begins %% or a conversion such as %(message)s or %(process)-6d';

export function parsePercents(text: string, typeOf: TypeOf): ParsedFormat<string | PercentField> {
  const pieces: (string | PercentField)[] = [];
  let end = 0;
  for (const match of text.matchAll(CONVERSION)) {
    const { field, flags = '', width = '', precision, type } = match.groups ?? {};
    pieces.push(text.slice(end, match.index));
    end = match.index + match[0].length;
    if (match[0] === '%%') {
      pieces.push('%');
      continue;
    }
    if (field === undefined || type === undefined || type === '%') return { ok: false, mistake: EXPECTED };
    const fieldType = typeOf(field);
    if (fieldType === undefined) return { ok: false, mistake: unknownField(`%(${field})`, field) };
    const isText = fieldType === 'text' || fieldType === 'object';
    if ((isText && !'rsa'.includes(type)) || (fieldType === 'float' && 'xXoc'.includes(type))) {
      const expected = isText ? 's' : 'd, f or s';
      return { ok: false, mistake: `%(${field})${type} is not for this field; expected %(${field}) with ${expected}` };
    }
    pieces.push({
      kind: 'percents',
      field,
      flags,
      width: Number(width),
      precision: precision === undefined ? undefined : Number(precision),
      type,
    });
  }
  pieces.push(text.slice(end));
  return { ok: true, pieces };
}

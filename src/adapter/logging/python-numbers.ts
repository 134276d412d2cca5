/** How C's printf, and Python with it, spell a number without its sign. */

/** @param type one of `eEfFgG` */
export function floatText(value: number, type: string, precision: number, alternate: boolean): string {
  switch (type) {
    case 'e':
    case 'E':
      return inCase(type, exponential(value, precision));
    case 'g':
    case 'G':
      return inCase(type, general(value, precision || 1, alternate, 0));
    default:
      return fixed(value, precision) + (alternate && precision === 0 ? '.' : '');
  }
}

/** As `%g`; with `reserve` 1 as str.format without a conversion, which keeps a digit after the point. */
export function general(value: number, precision: number, alternate: boolean, reserve: 0 | 1): string {
  const scientific = exponential(value, precision - 1);
  const exponent = Number(scientific.slice(scientific.indexOf('e') + 1));
  const strip = (digits: string): string =>
    alternate || !digits.includes('.') ? digits : digits.replace(/\.?0+$/, '');
  if (value !== 0 && (exponent < -4 || exponent >= precision - reserve)) {
    const [mantissa = '', power = ''] = scientific.split('e');
    return `${strip(mantissa)}e${power}`;
  }
  const text = strip(fixed(value, Math.max(0, precision - 1 - exponent)));
  return reserve === 1 && !text.includes('.') ? `${text}.0` : text;
}

/** @param type one of `dibcoxX` and their like */
export function integerText(value: number, type: string): string {
  switch (type) {
    case 'b':
      return value.toString(2);
    case 'o':
      return value.toString(8);
    case 'x':
      return value.toString(16);
    case 'X':
      return value.toString(16).toUpperCase();
    case 'c':
      return String.fromCodePoint(value);
    default:
      return String(value);
  }
}

/** C and Python round a tie to the even digit, JavaScript to the larger one. */
function fixed(value: number, precision: number): string {
  const rounded = value.toFixed(Math.min(precision, 100));
  // A double has no more digits than these behind a tie.
  const exact = value.toFixed(100);
  const cut = exact.indexOf('.') + 1 + precision;
  if (!/^50*$/.test(exact.slice(cut))) return rounded;
  const truncated = exact.slice(0, cut).replace(/\.$/, '');
  return Number(truncated.at(-1)) % 2 === 0 ? truncated : rounded;
}

/** With two digits of exponent at least. */
const exponential = (value: number, precision: number): string =>
  value.toExponential(Math.min(precision, 100)).replace(/(?<=e[-+])\d$/, '0$&');

export const inCase = (type: string, text: string): string =>
  type !== '' && type === type.toUpperCase() ? text.toUpperCase() : text;

/** Digits in groups, as `,` and `_` have it; zeros in front up to a width. */
export function grouped(digits: string, separator: string, size: number, width: number): string {
  const [, whole = '', rest = ''] = /^([0-9a-fA-F]+)(.*)$/s.exec(digits) ?? [];
  const group = (text: string): string => text.replace(new RegExp(`\\B(?=(.{${size}})+$)`, 'g'), separator);
  let padded = whole;
  while (group(padded).length + rest.length < width) padded = `0${padded}`;
  return group(padded) + rest;
}

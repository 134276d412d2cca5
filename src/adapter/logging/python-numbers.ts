/** How C's printf, and Python with it, spell a number without its sign. */

/** @param type one of `eEfFgG` */
export function floatText(value: number, type: string, precision: number, alternate: boolean): string {
  switch (type) {
    case 'e':
    case 'E':
      return inCase(type, pointed(exponential(value, precision), alternate));
    case 'g':
    case 'G':
      return inCase(type, general(value, precision || 1, alternate, 0));
    default:
      return pointed(fixed(value, precision), alternate);
  }
}

/** As `%g`; with `reserve` 1 as str.format without a conversion, which keeps a digit after the point. */
export function general(value: number, precision: number, alternate: boolean, reserve: 0 | 1): string {
  const scientific = exponential(value, precision - 1);
  const exponent = Number(scientific.slice(scientific.indexOf('e') + 1));
  const strip = (digits: string): string =>
    alternate || !digits.includes('.') ? digits : digits.replace(/\.?0+$/, '');
  if (exponent < -4 || exponent >= precision - reserve) {
    const [mantissa = '', power = ''] = scientific.split('e');
    return `${pointed(strip(mantissa), alternate)}e${power}`;
  }
  const text = pointed(strip(fixed(value, Math.max(0, precision - 1 - exponent))), alternate);
  return reserve === 1 && !text.includes('.') ? `${text}.0` : text;
}

/** The flag `#` keeps a point that no digits follow. */
const pointed = (digits: string, alternate: boolean): string =>
  alternate && !digits.includes('.') ? digits.replace(/^\d+/, '$&.') : digits;

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

const fixed = (value: number, precision: number): string =>
  tiesToEven(value.toFixed(Math.min(precision, 100)), value.toFixed(100), precision);

/** With two digits of exponent at least. */
function exponential(value: number, precision: number): string {
  const [mantissa = '', power = ''] = value.toExponential(100).split('e');
  const [rounded = '', roundedPower = ''] = value.toExponential(Math.min(precision, 100)).split('e');
  const even = tiesToEven(rounded, mantissa, precision);
  return `${even}e${even === rounded ? roundedPower : power}`.replace(/(?<=e[-+])\d$/, '0$&');
}

/**
 * C and Python round a tie to the even digit, JavaScript to the larger one.
 *
 * @param exact with a hundred digits after the point, which a double does not have behind a tie
 */
function tiesToEven(rounded: string, exact: string, precision: number): string {
  const cut = exact.indexOf('.') + 1 + precision;
  if (!/^50*$/.test(exact.slice(cut))) return rounded;
  const truncated = exact.slice(0, cut).replace(/\.$/, '');
  return Number(truncated.at(-1)) % 2 === 0 ? truncated : rounded;
}

export const inCase = (type: string, text: string): string =>
  type !== '' && type === type.toUpperCase() ? text.toUpperCase() : text;

/** Digits in groups, as `,` and `_` have it; zeros in front up to a width. */
export function grouped(digits: string, separator: string, size: number, width: number): string {
  const [, whole = '', rest = ''] = (size === 4 ? /^([0-9a-fA-F]+)(.*)$/s : /^(\d+)(.*)$/s).exec(digits) ?? [];
  const group = (text: string): string => text.replace(new RegExp(`\\B(?=(.{${size}})+$)`, 'g'), separator);
  let padded = whole;
  while (group(padded).length + rest.length < width) padded = `0${padded}`;
  return group(padded) + rest;
}

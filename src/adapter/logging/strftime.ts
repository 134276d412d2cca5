import { zoneName } from './zone-name.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** Conversions that stand for others, in the C locale. */
const COMPOSITES = new Map([
  ['c', '%a %b %e %H:%M:%S %Y'],
  ['D', '%m/%d/%y'],
  ['F', '%Y-%m-%d'],
  ['R', '%H:%M'],
  ['r', '%I:%M:%S %p'],
  ['T', '%H:%M:%S'],
  ['x', '%m/%d/%y'],
  ['X', '%H:%M:%S'],
]);

const CONVERSION = /%([-_0^#]*)(\d*)[EO]?([a-zA-Z%])/g;

/**
 * strftime(3) in the C locale, with glibc's flags and widths, which is what Python's formatter calls. A conversion that
 * does not exist stays as it is.
 *
 * @param time milliseconds since the epoch; it is shown in local time
 */
export function strftime(format: string, time: number): string {
  return format.replace(CONVERSION, (whole, flags: string, width: string, conversion: string) => {
    const composite = COMPOSITES.get(conversion);
    if (composite !== undefined) return styled(strftime(composite, time), flags, width, ' ', 0);
    const number = numberOf(conversion, time);
    if (number !== undefined) return styled(String(number.value), flags, width, number.pad, number.digits);
    if (conversion === 'z') return offset(-new Date(time).getTimezoneOffset(), flags);
    const text = textOf(conversion, time);
    if (text === undefined) return whole;
    // Where all letters are capitals, the flag for the other case gives small ones.
    const swapped = flags.includes('#') && /[pPZ]/.test(conversion);
    return styled(swapped ? text.toLowerCase() : text, swapped ? flags.replaceAll('#', '') : flags, width, ' ', 0);
  });
}

function styled(text: string, flags: string, width: string, pad: ' ' | '0', digits: number): string {
  const cased = /[\^#]/.test(flags) ? text.toUpperCase() : text;
  const flag = padding(flags);
  const length = width === '' ? (flag === '-' ? 0 : digits) : Number(width);
  return cased.padStart(length, flag === '_' || flag === '-' ? ' ' : (flag ?? pad));
}

/** The last one counts. */
function padding(flags: string): '-' | '_' | '0' | undefined {
  const flag = /[-_0](?!.*[-_0])/.exec(flags)?.[0];
  return flag === '-' || flag === '_' || flag === '0' ? flag : undefined;
}

function textOf(conversion: string, time: number): string | undefined {
  const date = new Date(time);
  const day = DAYS[date.getDay()] ?? '';
  const month = MONTHS[date.getMonth()] ?? '';
  switch (conversion) {
    case '%':
      return '%';
    case 'A':
      return day;
    case 'a':
      return day.slice(0, 3);
    case 'B':
      return month;
    case 'b':
    case 'h':
      return month.slice(0, 3);
    case 'n':
      return '\n';
    case 'P':
      return date.getHours() < 12 ? 'am' : 'pm';
    case 'p':
      return date.getHours() < 12 ? 'AM' : 'PM';
    case 't':
      return '\t';
    case 'Z':
      return zoneName(date);
    default:
      return undefined;
  }
}

function offset(minutes: number, flags: string): string {
  const magnitude = Math.abs(minutes);
  const digits = String(Math.floor(magnitude / 60) * 100 + (magnitude % 60));
  return (minutes < 0 ? '-' : '+') + styled(digits, flags, '', '0', 4);
}

interface FormattedNumber {
  readonly value: number;
  readonly digits: number;
  readonly pad: ' ' | '0';
}

const zeros = (value: number, digits: number): FormattedNumber => ({ value, digits, pad: '0' });
const spaces = (value: number, digits: number): FormattedNumber => ({ value, digits, pad: ' ' });

function numberOf(conversion: string, time: number): FormattedNumber | undefined {
  const date = new Date(time);
  const year = date.getFullYear();
  const hour12 = date.getHours() % 12 || 12;
  switch (conversion) {
    case 'C':
      return zeros(Math.floor(year / 100), 2);
    case 'd':
      return zeros(date.getDate(), 2);
    case 'e':
      return spaces(date.getDate(), 2);
    case 'G':
      return zeros(isoWeek(date).year, 4);
    case 'g':
      return zeros(isoWeek(date).year % 100, 2);
    case 'H':
      return zeros(date.getHours(), 2);
    case 'I':
      return zeros(hour12, 2);
    case 'j':
      return zeros(dayOfYear(date), 3);
    case 'k':
      return spaces(date.getHours(), 2);
    case 'l':
      return spaces(hour12, 2);
    case 'M':
      return zeros(date.getMinutes(), 2);
    case 'm':
      return zeros(date.getMonth() + 1, 2);
    case 'S':
      return zeros(date.getSeconds(), 2);
    case 's':
      return zeros(Math.floor(time / 1000), 1);
    case 'U':
      return zeros(weekOf(date, date.getDay()), 2);
    case 'u':
      return zeros(date.getDay() || 7, 1);
    case 'V':
      return zeros(isoWeek(date).week, 2);
    case 'W':
      return zeros(weekOf(date, (date.getDay() + 6) % 7), 2);
    case 'w':
      return zeros(date.getDay(), 1);
    case 'Y':
      return zeros(year, 4);
    case 'y':
      return zeros(year % 100, 2);
    default:
      return undefined;
  }
}

/** From 1, whatever hours the year's days have. */
function dayOfYear(date: Date): number {
  const midnight = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (midnight - Date.UTC(date.getFullYear(), 0, 0)) / 86_400_000;
}

/** @param weekday 0 for the day with which weeks begin */
const weekOf = (date: Date, weekday: number): number => Math.floor((dayOfYear(date) + 6 - weekday) / 7);

/** ISO 8601: a week belongs to the year of its Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (date.getDay() || 7));
  return { year: thursday.getFullYear(), week: Math.ceil(dayOfYear(thursday) / 7) };
}

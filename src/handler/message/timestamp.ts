// RFC 3339 section 5.6: T and Z in either case, a space instead of the T.
const dateTime = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Seconds since the epoch of an RFC 3339 date-time, or `undefined` where it is none, names a day or an hour that does
 * not exist, or lies before 1970. Fractions are dropped, for AMQP has whole seconds. A leap second (only at the end of a
 * month, in UTC) counts as the first second of the next one, as in POSIX time.
 */
export function parseDateTime(text: string): number | undefined {
  const match = dateTime.exec(text);
  if (match === null) return undefined;
  const part = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  const [offsetHours, offsetMinutes] = [part(8), part(9)];
  // Date.UTC reads years below 100 as the 20th century's. All of them are too early.
  if (year < 1969 || hour > 23 || minute > 59 || second > 60 || offsetHours > 23 || offsetMinutes > 59)
    return undefined;
  const midnight = new Date(Date.UTC(year, month - 1, day));
  // A day that the month does not have is one of another month to Date.
  if (midnight.getUTCMonth() !== month - 1) return undefined;
  const offset = (match[7] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes);
  const seconds = midnight.getTime() / 1000 + hour * 3600 + (minute - offset) * 60 + second;
  if (second === 60 && !startsMonth(seconds)) return undefined;
  return seconds < 0 ? undefined : seconds;
}

function startsMonth(seconds: number): boolean {
  const date = new Date(seconds * 1000);
  return date.getUTCDate() === 1 && seconds % 86_400 === 0;
}

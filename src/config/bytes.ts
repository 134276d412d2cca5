import * as v from 'valibot';
import { type Kind, scalar } from './kind.ts';

const units = new Map([
  ['', 1],
  ['b', 1],
  ['kb', 1000],
  ['mb', 1000 ** 2],
  ['gb', 1000 ** 3],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
]);

const expected = `expected a size from 1 to ${Number.MAX_SAFE_INTEGER} bytes, an integer or as 10MiB (KiB, MiB, GiB, KB, MB, GB)`;

/** A size in bytes; the file may use units, whole numbers of them. */
export const bytes: Kind<number> = scalar(
  v.pipe(
    v.union([v.number(), v.string()], expected),
    v.transform(toBytes),
    v.check((size) => Number.isSafeInteger(size) && size >= 1, expected),
  ),
  (text) => text,
  printBytes,
);

function toBytes(size: number | string): number {
  if (typeof size === 'number') return size;
  const [, amount = '', unit = ''] = /^(\d+) ?([a-z]*)$/i.exec(size) ?? [];
  return amount === '' ? Number.NaN : Number(amount) * (units.get(unit.toLowerCase()) ?? Number.NaN);
}

/** In the largest binary unit that divides it: `64MiB`; else the number. */
export function printBytes(size: number): number | string {
  if (size % 1024 ** 3 === 0) return `${size / 1024 ** 3}GiB`;
  if (size % 1024 ** 2 === 0) return `${size / 1024 ** 2}MiB`;
  return size % 1024 === 0 ? `${size / 1024}KiB` : size;
}

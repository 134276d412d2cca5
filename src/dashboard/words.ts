/** Figures as a person reads them. */

export function seconds(value: number): string {
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const hours = Math.floor(whole / 3600);
  return hours < 48 ? `${hours} h ${Math.floor((whole % 3600) / 60)} min` : `${Math.floor(hours / 24)} days`;
}

export function milliseconds(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const mebibytes = value / 1024 / 1024;
  return mebibytes < 1 ? `${(value / 1024).toFixed(1)} KiB` : `${mebibytes.toFixed(mebibytes < 10 ? 1 : 0)} MiB`;
}

/** Something that happens so many times a second. */
export function rate(value: number): string {
  return value > 0 && value < 10 ? value.toFixed(1) : count(value);
}

export const count = (value: number): string => Math.round(value).toLocaleString('en');

export const percent = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} %`;

/** One line of the table of targets: what was wanted, what was measured. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

/** A ratio that may be so much at most. */
export function atMost(what: string, limit: number, measured: number, unit = ' times'): Target {
  return {
    what,
    wanted: `at most ${short(limit)}${unit}`,
    measured: `${shown(measured)}${unit}`,
    met: measured <= limit,
  };
}

export function atLeast(what: string, limit: number, measured: number, unit = ' times'): Target {
  return {
    what,
    wanted: `at least ${short(limit)}${unit}`,
    measured: `${shown(measured)}${unit}`,
    met: measured >= limit,
  };
}

const shown = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 2 : 0);

/** Without the digits that nobody asked for. */
const short = (limit: number): string => String(Number(limit.toPrecision(3)));

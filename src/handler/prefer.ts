export interface Preferences {
  /** Answer 202 instead of waiting for the confirm. */
  readonly respondAsync: boolean;
  /** How long to wait for the confirm, in milliseconds. */
  readonly waitMs: number | undefined;
}

const NONE: Preferences = { respondAsync: false, waitMs: undefined };

/**
 * The request header `Prefer` (RFC 7240), of which `respond-async` and `wait` are known. Preferences that are not
 * understood are ignored, as the RFC says; of a repeated one the first counts.
 */
export function parsePrefer(header: string | null): Preferences {
  if (header === null) return NONE;
  let respondAsync = false;
  let waitMs: number | undefined;
  for (const preference of header.split(',')) {
    const [name = '', value = ''] = (preference.split(';')[0] ?? '').split('=').map((part) => part.trim());
    if (name.toLowerCase() === 'respond-async') respondAsync = true;
    const seconds = /^"?(\d{1,9})"?$/.exec(value);
    if (name.toLowerCase() === 'wait' && seconds && waitMs === undefined) waitMs = Number(seconds[1]) * 1000;
  }
  return { respondAsync, waitMs };
}

import type { LogLevel } from '../../handler/log.ts';

/** Where formatted records go. */
export interface Outlet {
  write(level: LogLevel, record: string): void;
  /** What waits is still written. */
  close(): void;
}

/** Is told how an outlet fares, once for each outage. */
export interface OutletListener {
  /** It takes nothing, or not fast enough; it is tried again. */
  failed(reason: string): void;
  /** It takes records again. */
  recovered(dropped: number): void;
  /** So many records are lost. */
  dropped(records: number): void;
}

/** Bytes of records that may wait for one outlet; what comes beyond is dropped. */
export const MAX_WAITING_BYTES = 1024 * 1024;

export const RETRY_MS = 5_000;

/** Until a pipe or socket that was full is tried again. */
export const FULL_MS = 20;

const REASONS = new Map([
  ['EACCES', 'permission denied'],
  ['EISDIR', 'this is a directory'],
  ['ELOOP', 'this is a symbolic link, which root does not follow where others may make one'],
  ['ENOENT', 'its directory does not exist'],
  ['ENXIO', 'nobody reads it'],
  ['EPIPE', 'nobody reads it any more'],
  ['ENOSPC', 'no space is left on the device'],
  ['EDQUOT', 'the quota is used up'],
  ['EROFS', 'the file system is read-only'],
]);

/** For people. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return REASONS.get(code) ?? (code || String(error));
}

export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

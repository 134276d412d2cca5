import type { LogLevel } from '../../handler/log.ts';

/** Where formatted records go. */
export interface Outlet {
  write(level: LogLevel, record: string): void;
  /** What waits is still written. */
  close(): void;
}

/** Is told how an outlet fares, once for each outage. */
export interface OutletListener {
  /** It takes nothing; it is tried again. */
  failed(reason: string): void;
  /** It takes records again. */
  recovered(dropped: number): void;
}

/** Bytes of records that may wait for one outlet; what comes beyond is dropped. */
export const MAX_WAITING_BYTES = 1024 * 1024;

export const RETRY_MS = 5_000;

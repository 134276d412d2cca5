/** What Python's `logging.config.dictConfig` takes (version 1), as far as statelessd follows it. Maps are by name. */
export interface LoggingConfig {
  readonly version: 1;
  readonly formatters: ReadonlyMap<string, LogFormatter>;
  readonly filters: ReadonlyMap<string, { readonly name: string }>;
  readonly handlers: ReadonlyMap<string, LogHandler>;
  readonly loggers: ReadonlyMap<string, Logger>;
  readonly root?: RootLogger;
  /** true by default. */
  readonly disableExistingLoggers: boolean;
  /** false by default. */
  readonly incremental: boolean;
}

export interface LogFormatter {
  /** Percent style with known fields only, as in `%(levelname)-10s %(message)s`; `%(message)s` by default. */
  readonly format: string;
  /** For strftime; undefined: ISO 8601. */
  readonly datefmt?: string;
}

export type LogLevel = 'NOTSET' | 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL';

interface AnyHandler {
  /** The name of a formatter that exists; undefined: the message alone. */
  readonly formatter?: string;
  /** `NOTSET` by default. */
  readonly level: LogLevel;
  /** Used only with `Application.debug`; false by default. */
  readonly debugOnly: boolean;
}

export interface StreamHandler extends AnyHandler {
  readonly class: 'logging.StreamHandler';
  /** Standard error by default. */
  readonly stream: 'ext://sys.stdout' | 'ext://sys.stderr';
}

export interface SysLogHandler extends AnyHandler {
  readonly class: 'logging.handlers.SysLogHandler';
  /** A Unix socket's path, or a UDP address; localhost:514 by default. */
  readonly address: string | { readonly host: string; readonly port: number };
  /** `user` by default. */
  readonly facility: SyslogFacility;
}

export type LogHandler = StreamHandler | SysLogHandler;

export interface RootLogger {
  /** Undefined: as Python's root logger, WARNING. */
  readonly level?: LogLevel;
  /** Names of handlers that exist. */
  readonly handlers: readonly string[];
}

export interface Logger extends RootLogger {
  /** true by default. */
  readonly propagate: boolean;
}

/** In the order of their codes, 0 to 11 and 16 to 23. */
export const syslogFacilities = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
] as const;

export type SyslogFacility = (typeof syslogFacilities)[number];

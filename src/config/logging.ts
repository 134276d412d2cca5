import type { Path } from './kind.ts';

/**
 * What Python's `logging.config.dictConfig` takes (version 1), as far as it does not name Python code. Maps are by name,
 * in the order of the file.
 *
 * @see https://docs.python.org/3/library/logging.config.html#dictionary-schema-details
 */
export interface LoggingConfig {
  readonly version: 1;
  readonly formatters: ReadonlyMap<string, LogFormatter>;
  readonly filters: ReadonlyMap<string, LogFilter>;
  readonly handlers: ReadonlyMap<string, LogHandler>;
  /** `''` and `root` are the root logger. */
  readonly loggers: ReadonlyMap<string, Logger>;
  readonly root?: RootLogger;
  /** true by default. */
  readonly disableExistingLoggers: boolean;
  /** true: only levels and `propagate` are read; false by default. */
  readonly incremental: boolean;
  /** What was taken and has no effect, or another one than in Python. */
  readonly warnings: readonly LoggingWarning[];
}

export interface LoggingWarning {
  readonly at: Path;
  readonly message: string;
}

/** In what syntax a format names its fields: `%(name)s`, `{name}` or `${name}`. */
export type LogStyle = '%' | '{' | '$';

/** A value that a format may show besides a record's own. */
export type DefaultValue = string | number | boolean | null;

export interface TextFormatter {
  readonly class: 'logging.Formatter';
  /** Undefined: the message alone. */
  readonly format?: string;
  /** For strftime(3) in the C locale; undefined: ISO 8601 with milliseconds after a comma. */
  readonly datefmt?: string;
  /** `%` by default. */
  readonly style: LogStyle;
  /** false: the format may be without fields; true by default. */
  readonly validate: boolean;
  /** Of fields that a record does not have; none by default. */
  readonly defaults: ReadonlyMap<string, DefaultValue>;
}

/** One JSON object a line. */
export interface JsonFormatter {
  readonly class: 'statelessd.JsonFormatter';
}

export type LogFormatter = TextFormatter | JsonFormatter;

/** Lets records of one logger through, and of those below it. */
export interface LogFilter {
  /** `''`, the default: all records. */
  readonly name: string;
}

/** Python's numbers: NOTSET 0, DEBUG 10, INFO 20, WARNING 30, ERROR 40, CRITICAL 50, or any other integer. */
export type LevelNumber = number;

interface AnyHandler {
  /** The name of a formatter that exists; undefined: the message alone. */
  readonly formatter?: string;
  /** 0 by default. */
  readonly level: LevelNumber;
  /** Names of filters that exist, all of which must let a record through. */
  readonly filters: readonly string[];
  /** Used only with `Application.debug`; false by default. */
  readonly debugOnly: boolean;
  /** What dictConfig sets on a handler once it is made. */
  readonly properties?: HandlerProperties;
}

export interface HandlerProperties {
  /** After each record of a stream or file; a line feed by default. */
  readonly terminator?: string;
  /** Before each record of a SysLogHandler; nothing by default. */
  readonly ident?: string;
  /** Whether a NUL ends each record of a SysLogHandler over UDP or TCP; true by default. */
  readonly appendNul?: boolean;
}

export interface StreamHandler extends AnyHandler {
  readonly class: 'logging.StreamHandler';
  /** Standard error by default. */
  readonly stream: 'ext://sys.stdout' | 'ext://sys.stderr';
}

export interface NullHandler extends AnyHandler {
  readonly class: 'logging.NullHandler';
}

/** Errors of an encoding, as Python's codecs name them. */
export type EncodingErrors = (typeof encodingErrors)[number];

/** The first is what `strict` is here: a record that cannot be spelled is not lost. */
export const encodingErrors = ['strict', 'backslashreplace', 'ignore', 'replace', 'xmlcharrefreplace'] as const;

export type LogEncoding = 'utf-8' | 'latin-1' | 'ascii';

interface AnyFileHandler extends AnyHandler {
  readonly filename: string;
  /** `w`: emptied at a start. `a`, appended to, by default. */
  readonly mode: 'a' | 'w';
  /** UTF-8 by default. */
  readonly encoding: LogEncoding;
  readonly errors: EncodingErrors;
  /** true: opened with the first record; false by default. */
  readonly delay: boolean;
}

export interface FileHandler extends AnyFileHandler {
  readonly class: 'logging.FileHandler' | 'logging.handlers.WatchedFileHandler';
}

export interface RotatingFileHandler extends AnyFileHandler {
  readonly class: 'logging.handlers.RotatingFileHandler';
  readonly maxBytes: number;
  readonly backupCount: number;
}

export interface TimedRotatingFileHandler extends AnyFileHandler {
  readonly class: 'logging.handlers.TimedRotatingFileHandler';
  readonly when: string;
  readonly interval: number;
  readonly backupCount: number;
  readonly utc: boolean;
}

export type AnyFile = FileHandler | RotatingFileHandler | TimedRotatingFileHandler;

export interface SysLogHandler extends AnyHandler {
  readonly class: 'logging.handlers.SysLogHandler';
  /** A Unix socket's path, or a host and its port; localhost:514 by default. */
  readonly address: string | { readonly host: string; readonly port: number };
  /** The code, 0 to 23; 1, `user`, by default. */
  readonly facility: number;
  /** Datagrams by default. */
  readonly socktype: SocketType;
}

export type SocketType = 'ext://socket.SOCK_DGRAM' | 'ext://socket.SOCK_STREAM';

export type LogHandler = StreamHandler | NullHandler | AnyFile | SysLogHandler;

export const isFile = (handler: LogHandler): handler is AnyFile => 'filename' in handler;

export interface RootLogger {
  /** Undefined: unchanged, which is WARNING for the root logger and 0 for others: that of the logger above. */
  readonly level?: LevelNumber;
  /** Names of handlers that exist. */
  readonly handlers: readonly string[];
  /** Names of filters that exist, all of which must let a record through. */
  readonly filters: readonly string[];
}

export interface Logger extends RootLogger {
  /** true by default. */
  readonly propagate: boolean;
}

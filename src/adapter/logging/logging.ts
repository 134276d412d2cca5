import { configureSync, getLogger, type LogRecord, type LogLevel as LogTapeLevel, type Sink } from '@logtape/logtape';
import * as v from 'valibot';
import type { LoggingConfig, LogHandler, LogLevel as PythonLevel } from '../../config/logging.ts';
import type { Log, LogFields, LogLevel, Logs } from '../../handler/log.ts';
import type { Entry } from './entry.ts';
import { jsonLine, readableLine } from './lines.ts';
import { pythonFormat } from './python-format.ts';
import { openSyslog } from './syslog.ts';

/**
 * The loggers, by the names that they had in Python, and that configurations give them: the gateway itself, the access
 * log, and the side of the broker.
 */
const NAMES = { gateway: 'statelessd', access: 'tornado.access', broker: 'pika' } as const;

/** Where lines go that nobody has said anything about. */
type Fallback = NodeJS.WriteStream;

const LEVELS: Readonly<Record<PythonLevel, LogTapeLevel>> = {
  NOTSET: 'trace',
  DEBUG: 'debug',
  INFO: 'info',
  WARNING: 'warning',
  ERROR: 'error',
  CRITICAL: 'fatal',
};

const RANKS: readonly LogTapeLevel[] = ['trace', 'debug', 'info', 'warning', 'error', 'fatal'];

/** The doors to the loggers. What is behind them is `configureLogging`'s to say, and may change while they are in use. */
export function openLogs(more: LogFields = {}): Logs {
  const logOf = (name: string): Log => {
    const logger = getLogger(name.split('.'));
    return (level, sentence, fields) => {
      if (!logger.isEnabledFor(level)) return;
      const properties = { ...more, ...fields };
      logger.emit({ level, message: [sentence], rawMessage: sentence, timestamp: Date.now(), properties });
    };
  };
  return { gateway: logOf(NAMES.gateway), access: logOf(NAMES.access), broker: logOf(NAMES.broker) };
}

/**
 * Opens the sinks that a configuration names and closes those of the one before. Without a `Logging` section everything
 * goes to `fallback`, as readable lines on a terminal and as JSON lines elsewhere, and there is no access log unless
 * `debug` asks for it.
 */
export function configureLogging(logging: LoggingConfig | undefined, debug: boolean, fallback: Fallback): void {
  if (logging === undefined) configureDefaults(debug, fallback);
  else configureAsPython(withRoot(logging), debug, fallback);
}

/** LogTape speaks of its own troubles; its sinks are ours, which do that themselves. */
const SILENT_META = {
  category: ['logtape', 'meta'],
  lowestLevel: null,
  parentSinks: 'override' as const,
};

function configureDefaults(debug: boolean, fallback: Fallback): void {
  configureSync({
    reset: true,
    sinks: { fallback: sinkOf((entry) => fallback.write(plainLine(entry, fallback))) },
    loggers: [
      SILENT_META,
      { category: [], sinks: ['fallback'], lowestLevel: debug ? 'debug' : 'info' },
      { category: NAMES.access.split('.'), lowestLevel: debug ? 'debug' : null },
    ],
  });
}

/** Python's root logger may also stand among the others, under an empty name. */
function withRoot(logging: LoggingConfig): LoggingConfig {
  const nameless = logging.loggers.get('');
  if (!nameless) return logging;
  const loggers = new Map([...logging.loggers].filter(([name]) => name !== ''));
  return { ...logging, loggers, root: logging.root ?? nameless };
}

function configureAsPython(logging: LoggingConfig, debug: boolean, fallback: Fallback): void {
  const complained = new Set<string>();
  const sinks: Record<string, Sink> = {};
  for (const [name, handler] of logging.handlers) {
    if (handler.debugOnly && !debug) continue;
    sinks[name] = sinkOfHandler(logging, handler, (reason) => {
      if (complained.has(name)) return;
      complained.add(name);
      const fields = { handler: name, reason };
      const sentence = 'a log sink cannot be reached; it is tried again';
      fallback.write(
        plainLine({ level: 'warning', name: NAMES.gateway, sentence, fields, time: Date.now() }, fallback),
      );
    });
  }
  const known = (handlers: readonly string[]): string[] => handlers.filter((name) => Object.hasOwn(sinks, name));
  const forlorn = withoutHandlers(logging, known);
  // Python's "last resort".
  sinks[''] = sinkOf((entry) => fallback.write(`${pythonFormat({ format: '%(message)s' })(entry)}\n`), 'warning');
  configureSync({
    reset: true,
    sinks,
    loggers: [
      SILENT_META,
      {
        category: [],
        sinks: known(logging.root?.handlers ?? []),
        lowestLevel: LEVELS[logging.root?.level ?? 'WARNING'],
      },
      ...[...logging.loggers].map(([name, { handlers, level, propagate }]) => ({
        category: name.split('.'),
        sinks: forlorn.includes(name) ? [''] : known(handlers),
        parentSinks: propagate ? ('forward' as const) : ('override' as const),
        lowestLevel: LEVELS[isSet(level) ? level : inheritedLevel(logging, name)],
      })),
      ...forlorn
        .filter((name) => !logging.loggers.has(name))
        .map((name) => ({
          category: name.split('.'),
          sinks: [''],
          lowestLevel: LEVELS[inheritedLevel(logging, name)],
        })),
      ...disabledBy(logging).map((name) => ({ category: name.split('.'), lowestLevel: null })),
    ],
  });
}

/** A logger without a level has that of the nearest ancestor which has one. */
function inheritedLevel({ loggers, root }: LoggingConfig, name: string): PythonLevel {
  for (let end = name.lastIndexOf('.'); end > 0; end = name.lastIndexOf('.', end - 1)) {
    const level = loggers.get(name.slice(0, end))?.level;
    if (isSet(level)) return level;
  }
  return root?.level ?? 'WARNING';
}

const isSet = (level: PythonLevel | undefined): level is PythonLevel => level !== undefined && level !== 'NOTSET';

/** Our loggers that are in use, while neither they nor those that they propagate to have a handler. */
function withoutHandlers(logging: LoggingConfig, known: (handlers: readonly string[]) => readonly string[]): string[] {
  const { loggers, root } = logging;
  const disabled = disabledBy(logging);
  return Object.values(NAMES).filter((own) => {
    if (disabled.includes(own)) return false;
    for (let name: string = own; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const logger = loggers.get(name);
      if (logger && known(logger.handlers).length > 0) return false;
      if (logger?.propagate === false) return true;
    }
    return known(root?.handlers ?? []).length === 0;
  });
}

/** Loggers that are there already and are neither named nor below one that is. */
function disabledBy({ loggers, disableExistingLoggers }: LoggingConfig): string[] {
  if (!disableExistingLoggers) return [];
  const named = [...loggers.keys()];
  return Object.values(NAMES).filter((own) => !named.some((name) => own === name || own.startsWith(`${name}.`)));
}

function sinkOfHandler(logging: LoggingConfig, handler: LogHandler, complain: (reason: string) => void): Sink {
  const formatter = handler.formatter === undefined ? undefined : logging.formatters.get(handler.formatter);
  const format = pythonFormat(formatter ?? { format: '%(message)s' });
  const level = LEVELS[handler.level];
  if (handler.class === 'logging.StreamHandler') {
    const stream = handler.stream === 'ext://sys.stdout' ? process.stdout : process.stderr;
    return sinkOf((entry) => stream.write(`${format(entry)}\n`), level);
  }
  const outlet = openSyslog(handler, complain);
  return Object.assign(
    sinkOf((entry) => outlet.write(entry.level, format(entry)), level),
    { [Symbol.dispose]: () => outlet.close() },
  );
}

function sinkOf(write: (entry: Entry) => void, lowest: LogTapeLevel = 'trace'): Sink {
  return (record) => {
    if (RANKS.indexOf(record.level) >= RANKS.indexOf(lowest)) write(toEntry(record));
  };
}

const FIELDS = v.record(v.string(), v.optional(v.union([v.string(), v.number(), v.boolean()])));

function toEntry({ category, level, rawMessage, timestamp, properties }: LogRecord): Entry {
  return {
    level: toLevel(level),
    name: category.join('.'),
    sentence: String(rawMessage),
    fields: v.parse(FIELDS, properties),
    time: timestamp,
  };
}

function toLevel(level: LogTapeLevel): LogLevel {
  if (level === 'fatal') return 'error';
  return level === 'trace' ? 'debug' : level;
}

function plainLine(entry: Entry, { isTTY }: Fallback): string {
  return isTTY ? readableLine(entry) : jsonLine(entry);
}

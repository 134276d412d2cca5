import type { LoggingConfig } from '../../config/logging.ts';
import type { Log, LogFields, LogLevel, Logs } from '../../handler/log.ts';
import type { Entry } from './entry.ts';
import { messageOf } from './entry.ts';
import { effectiveLoggers } from './hierarchy.ts';
import { jsonLine, readableLine } from './lines.ts';
import { type LoggerNames, namesIn } from './names.ts';
import type { OutletListener } from './outlet.ts';
import { PYTHON_LEVELS } from './python-record.ts';
import { type FileSettings, lets, openSinks, type Sink } from './sinks.ts';

/** Where lines go that nobody has said anything about. */
type Fallback = NodeJS.WriteStream;

/** What is behind one of the doors. */
interface Logger {
  readonly name: string;
  /** The lowest level, in Python's numbers, that it takes. */
  readonly level: number;
  write(entry: Entry): void;
}

interface Installed {
  readonly loggers: Readonly<Record<keyof Logs, Logger>>;
  readonly sinks: readonly Sink[];
}

const NONE: Logger = { name: '', level: Number.POSITIVE_INFINITY, write() {} };

let installed: Installed = { loggers: { gateway: NONE, access: NONE, broker: NONE }, sinks: [] };

/** The doors to the loggers. What is behind them is `configureLogging`'s to say, and may change while they are in use. */
export function openLogs(more: LogFields = {}): Logs {
  const logOf =
    (door: keyof Logs): Log =>
    (level, sentence, fields) => {
      const { name, level: lowest, write } = installed.loggers[door];
      if (PYTHON_LEVELS[level][1] < lowest) return;
      write({ level, name, sentence, fields: { ...more, ...fields }, time: Date.now() });
    };
  return { gateway: logOf('gateway'), access: logOf('access'), broker: logOf('broker') };
}

/**
 * Opens the sinks that a configuration names and closes those of the one before. Without a `Logging` section everything
 * goes to `fallback`, as readable lines on a terminal and as JSON lines elsewhere, and there is no access log unless
 * `debug` asks for it.
 */
export function configureLogging(
  logging: LoggingConfig | undefined,
  debug: boolean,
  fallback: Fallback,
  files: FileSettings = {},
): void {
  const former = installed.sinks;
  installed = logging === undefined ? byDefault(debug, fallback) : asPython(logging, debug, fallback, files);
  for (const sink of former) sink.close();
}

/** Opens all files again, for those that were moved by somebody who told us so. */
export function reopenFiles(): void {
  for (const sink of installed.sinks) sink.reopen();
}

function byDefault(debug: boolean, fallback: Fallback): Installed {
  const names = namesIn(undefined);
  const level = PYTHON_LEVELS[debug ? 'debug' : 'info'][1];
  const loggerOf = (door: keyof Logs): Logger => ({
    name: names[door],
    level: door === 'access' && !debug ? Number.POSITIVE_INFINITY : level,
    write: (entry) => void fallback.write(plainLine(entry, fallback)),
  });
  return { loggers: byDoor(loggerOf), sinks: [] };
}

function asPython(logging: LoggingConfig, debug: boolean, fallback: Fallback, files: FileSettings): Installed {
  const names = namesIn(logging);
  const listenerOf = (handler: string): OutletListener => outcry(handler, names, fallback);
  const sinks = openSinks(logging, debug, listenerOf, files);
  const effective = effectiveLoggers(logging, Object.values(names));
  const loggerOf = (door: keyof Logs): Logger => {
    const logger = effective.find(({ name }) => name === names[door]);
    if (logger === undefined) return NONE;
    const filters = logger.filters.map((filter) => logging.filters.get(filter)?.name ?? '');
    const heard = logger.handlers.flatMap((handler) => sinks.get(handler) ?? []);
    return {
      name: logger.name,
      level: logger.level,
      write(entry) {
        if (!lets(filters, entry.name)) return;
        for (const sink of heard) sink.write(entry);
        if (heard.length === 0) lastResort(entry, fallback);
      },
    };
  };
  return { loggers: byDoor(loggerOf), sinks: [...sinks.values()] };
}

const byDoor = (loggerOf: (door: keyof Logs) => Logger): Installed['loggers'] => ({
  gateway: loggerOf('gateway'),
  access: loggerOf('access'),
  broker: loggerOf('broker'),
});

/** Python's, where no handler hears a record. */
function lastResort(entry: Entry, fallback: Fallback): void {
  if (isAtLeastWarning(entry.level)) fallback.write(`${messageOf(entry)}\n`);
}

const isAtLeastWarning = (level: LogLevel): boolean => PYTHON_LEVELS[level][1] >= PYTHON_LEVELS.warning[1];

/** Says how a handler's outlet fares where its own records cannot. */
function outcry(handler: string, { gateway }: LoggerNames, fallback: Fallback): OutletListener {
  let complained = false;
  const say = (level: LogLevel, sentence: string, fields: LogFields): void => {
    const entry = { level, name: gateway, sentence, fields: { handler, ...fields }, time: Date.now() };
    fallback.write(plainLine(entry, fallback));
  };
  return {
    failed(reason) {
      if (complained) return;
      complained = true;
      say('warning', 'a log sink cannot be reached; it is tried again', { reason });
    },
    recovered(dropped) {
      complained = false;
      say('info', 'a log sink is reached again', { dropped });
    },
  };
}

function plainLine(entry: Entry, { isTTY }: Fallback): string {
  return isTTY ? readableLine(entry) : jsonLine(entry);
}

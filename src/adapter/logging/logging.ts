import type { LoggingConfig } from '../../config/logging.ts';
import type { LogFields, LogLevel, Logs } from '../../handler/log.ts';
import type { Entry } from './entry.ts';
import { messageOf } from './entry.ts';
import { effectiveLoggers } from './hierarchy.ts';
import { jsonLine, readableLine } from './lines.ts';
import { type LoggerNames, namesIn } from './names.ts';
import type { OutletListener } from './outlet.ts';
import { PYTHON_LEVELS } from './python-record.ts';
import { type FileSettings, lets, openSinks, type Sink } from './sinks.ts';
import type { StandardOutput, StandardOutputs } from './standard-output.ts';

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

let dropped = 0;

let installed: Installed = { loggers: { gateway: NONE, access: NONE, broker: NONE }, sinks: [] };

/** The doors to the loggers. What is behind them is `configureLogging`'s to say, and may change while they are in use. */
export function openLogs(more: LogFields = {}): Logs {
  const logOf =
    (door: keyof Logs) =>
    (level: LogLevel, sentence: string, fields?: LogFields | (() => LogFields)): void => {
      const { name, level: lowest, write } = installed.loggers[door];
      if (PYTHON_LEVELS[level][1] < lowest) return;
      const stated = typeof fields === 'function' ? fields() : fields;
      write({ level, name, sentence, fields: { ...more, ...stated }, time: Date.now() });
    };
  return { gateway: logOf('gateway'), access: logOf('access'), broker: logOf('broker') };
}

/**
 * Opens the sinks that a configuration names and closes those of the one before. Without a `Logging` section everything
 * goes to standard error, as readable lines on a terminal and as JSON lines elsewhere, and there is no access log unless
 * `debug` asks for it.
 */
export function configureLogging(
  logging: LoggingConfig | undefined,
  debug: boolean,
  outputs: StandardOutputs,
  files: FileSettings = {},
): void {
  const former = installed.sinks;
  const names = namesIn(logging);
  // What becomes of a standard stream is said to all who hear the gateway: it waits in the stream itself, too.
  for (const output of [outputs.stdout, outputs.stderr])
    output.listener = outcry({ output: output.name }, names, (entry) => installed.loggers.gateway.write(entry));
  installed = logging === undefined ? byDefault(debug, outputs.stderr) : asPython(logging, debug, outputs, files);
  for (const sink of former) sink.close();
}

/** Records that this process has lost, because a sink did not take them. */
export const droppedRecords = (): number => dropped;

/** Opens all files again, for those that were moved by somebody who told us so. */
export function reopenFiles(): void {
  for (const sink of installed.sinks) sink.reopen();
}

function byDefault(debug: boolean, fallback: StandardOutput): Installed {
  const names = namesIn(undefined);
  const level = PYTHON_LEVELS[debug ? 'debug' : 'info'][1];
  const loggerOf = (door: keyof Logs): Logger => ({
    name: names[door],
    level: door === 'access' && !debug ? Number.POSITIVE_INFINITY : level,
    write: (entry) => fallback.write(plainLine(entry, fallback)),
  });
  return { loggers: byDoor(loggerOf), sinks: [] };
}

function asPython(logging: LoggingConfig, debug: boolean, outputs: StandardOutputs, files: FileSettings): Installed {
  const names = namesIn(logging);
  const { stderr } = outputs;
  const listenerOf = (handler: string): OutletListener =>
    outcry({ handler }, names, (entry) => stderr.write(plainLine(entry, stderr)));
  const sinks = openSinks(logging, debug, outputs, listenerOf, files);
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
        if (heard.length === 0) lastResort(entry, stderr);
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
function lastResort(entry: Entry, fallback: StandardOutput): void {
  if (isAtLeastWarning(entry.level)) fallback.write(Buffer.from(`${messageOf(entry)}\n`));
}

const isAtLeastWarning = (level: LogLevel): boolean => PYTHON_LEVELS[level][1] >= PYTHON_LEVELS.warning[1];

/** Says how an outlet fares where its own records cannot. */
function outcry(what: LogFields, { gateway }: LoggerNames, write: (entry: Entry) => void): OutletListener {
  const say = (level: LogLevel, sentence: string, fields: LogFields): void =>
    write({ level, name: gateway, sentence, fields: { ...what, ...fields }, time: Date.now() });
  return {
    failed: (reason) => say('warning', 'a log sink cannot be reached; it is tried again', { reason }),
    recovered: (records) => say('info', 'a log sink is reached again', { dropped: records }),
    dropped(records) {
      dropped += records;
    },
  };
}

const plainLine = (entry: Entry, { isTTY }: StandardOutput): Buffer =>
  Buffer.from(isTTY ? readableLine(entry) : jsonLine(entry));

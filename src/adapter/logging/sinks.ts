import { resolve } from 'node:path';
import { type AnyFile, isFile, type LogFormatter, type LoggingConfig, type LogHandler } from '../../config/logging.ts';
import { encode } from './encoding.ts';
import type { Entry } from './entry.ts';
import { FileOutlet } from './file-outlet.ts';
import { jsonLine } from './lines.ts';
import type { Owner } from './log-file.ts';
import type { OutletListener } from './outlet.ts';
import { type Format, pythonFormat } from './python-format.ts';
import { PYTHON_LEVELS } from './python-record.ts';
import type { StandardOutputs } from './standard-output.ts';
import { openSyslog } from './syslog.ts';

/** Where the records of a handler go. */
export interface Sink {
  write(entry: Entry): void;
  /** Opens its file again, if it has one. */
  reopen(): void;
  close(): void;
}

/** How files are opened; both are the supervisor's business. */
export interface FileSettings {
  /** Whom a file belongs to that is made. */
  readonly owner?: Owner | undefined;
  /** At a start what `mode: w` says is done. */
  readonly starting?: boolean;
}

const MESSAGE_ONLY: LogFormatter = {
  class: 'logging.Formatter',
  style: '%',
  validate: true,
  defaults: new Map(),
};

/** Opens the sinks of all handlers, by name. Those for debugging only are left out unless `debug` is on. */
export function openSinks(
  logging: LoggingConfig,
  debug: boolean,
  { stdout, stderr }: StandardOutputs,
  listenerOf: (handler: string) => OutletListener,
  settings: FileSettings,
): ReadonlyMap<string, Sink> {
  const handlers = [...logging.handlers].filter(([, { debugOnly }]) => debug || !debugOnly);
  const files = new Map<string, FileOutlet>();
  const watched = new Set(
    handlers.flatMap(([, handler]) => (isFile(handler) && isWatched(handler) ? pathOf(handler) : [])),
  );
  const outletOf = (name: string, handler: AnyFile): FileOutlet => {
    const path = pathOf(handler);
    const outlet =
      files.get(path) ??
      new FileOutlet(
        {
          path,
          watched: watched.has(path),
          delay: handler.delay,
          truncate: settings.starting === true && handler.mode === 'w',
          owner: settings.owner,
        },
        listenerOf(name),
      );
    files.set(path, outlet);
    return outlet;
  };
  return new Map(handlers.map(([name, handler]) => [name, sinkOf(name, handler)]));

  function sinkOf(name: string, handler: LogHandler): Sink {
    const format = formatOf(handler.formatter === undefined ? undefined : logging.formatters.get(handler.formatter));
    const filters = handler.filters.map((filter) => logging.filters.get(filter)?.name ?? '');
    const taking = (write: (entry: Entry) => void, more: Partial<Sink> = {}): Sink => ({
      write(entry) {
        if (PYTHON_LEVELS[entry.level][1] >= handler.level && lets(filters, entry.name)) write(entry);
      },
      reopen() {},
      close() {},
      ...more,
    });
    const end = handler.properties?.terminator ?? '\n';
    switch (handler.class) {
      case 'logging.NullHandler':
        return taking(() => {});
      case 'logging.StreamHandler': {
        const output = handler.stream === 'ext://sys.stdout' ? stdout : stderr;
        return taking((entry) => output.write(Buffer.from(format(entry) + end)));
      }
      case 'logging.handlers.SysLogHandler': {
        const outlet = openSyslog(handler, listenerOf(name));
        return taking((entry) => outlet.write(entry.level, format(entry)), { close: () => outlet.close() });
      }
      default: {
        const outlet = outletOf(name, handler);
        const { encoding, errors } = handler;
        return taking((entry) => outlet.write(encode(format(entry) + end, encoding, errors)), {
          reopen: () => outlet.reopen(),
          close: () => outlet.close(),
        });
      }
    }
  }
}

/** `logging.Filter`: the logger of this name and those below it. */
export function lets(filters: readonly string[], name: string): boolean {
  return filters.every((filter) => filter === '' || name === filter || name.startsWith(`${filter}.`));
}

const pathOf = ({ filename }: AnyFile): string => resolve(filename);

/** Whoever rotates the file of a handler that does so itself in Python is another program. */
const isWatched = (handler: AnyFile): boolean => handler.class !== 'logging.FileHandler';

function formatOf(formatter: LogFormatter = MESSAGE_ONLY): Format {
  return formatter.class === 'statelessd.JsonFormatter'
    ? (entry) => jsonLine(entry).trimEnd()
    : pythonFormat(formatter);
}

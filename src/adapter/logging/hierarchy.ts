import type { LoggingConfig, RootLogger } from '../../config/logging.ts';

/** What becomes of the records of one logger. */
export interface EffectiveLogger {
  readonly name: string;
  /** The lowest level that it takes; infinite: it is disabled. */
  readonly level: number;
  /** Names of filters, all of which must let a record through. */
  readonly filters: readonly string[];
  /** Names of handlers, its own first, then those of the loggers above it. */
  readonly handlers: readonly string[];
}

interface State {
  level: number;
  handlers: readonly string[];
  readonly filters: string[];
  propagate: boolean;
}

const WARNING = 30;

/** Python's root logger, whose level is WARNING before anybody configures it. */
const ROOT = '';

/**
 * What a configuration makes of loggers that exist already, as Python's modules have made theirs before the configuration
 * is read. Levels and filters count where a record is made; the loggers above only lend their handlers.
 *
 * @param existing the names of those loggers
 */
export function effectiveLoggers(logging: LoggingConfig, existing: readonly string[]): readonly EffectiveLogger[] {
  const states = statesOf(logging);
  const disabled = disabledBy(logging, existing);
  return existing.map((name) => {
    const chain = chainOf(name, states);
    const level = chain.find((state) => state.level !== 0)?.level ?? 0;
    return {
      name,
      level: disabled.includes(name) ? Number.POSITIVE_INFINITY : level,
      filters: chain[0]?.filters ?? [],
      handlers: chain.slice(0, lastHeard(chain)).flatMap(({ handlers }) => handlers),
    };
  });
}

/** In the file's order, the root logger's own section last: a later one takes the place of an earlier one's handlers. */
function statesOf({ loggers, root, incremental }: LoggingConfig): ReadonlyMap<string, State> {
  const states = new Map<string, State>([[ROOT, { level: WARNING, handlers: [], filters: [], propagate: true }]]);
  const configure = (name: string, settings: RootLogger, propagate = true): void => {
    const state = states.get(name) ?? { level: 0, handlers: [], filters: [], propagate };
    states.set(name, state);
    if (settings.level !== undefined) state.level = settings.level;
    state.propagate = propagate;
    if (incremental) return;
    state.handlers = settings.handlers;
    for (const filter of settings.filters) if (!state.filters.includes(filter)) state.filters.push(filter);
  };
  // Since Python 3.9 getLogger('root') is the root logger, as getLogger('') has always been.
  for (const [name, logger] of loggers) configure(name === 'root' ? ROOT : name, logger, logger.propagate);
  if (root) configure(ROOT, root);
  return states;
}

/** A logger and those above it, the root last. One that nobody has configured passes everything on. */
function chainOf(name: string, states: ReadonlyMap<string, State>): readonly State[] {
  const parts = name.split('.');
  const ancestry = [...parts.map((_, up) => parts.slice(0, parts.length - up).join('.')), ROOT];
  return ancestry.map((each) => states.get(each) ?? { level: 0, handlers: [], filters: [], propagate: true });
}

/** How many of a chain hear a record: up to the first that does not pass it on. */
function lastHeard(chain: readonly State[]): number {
  const last = chain.findIndex(({ propagate }) => !propagate);
  return last < 0 ? chain.length : last + 1;
}

/** Loggers that are there already and are neither named nor below one that is. */
function disabledBy(logging: LoggingConfig, existing: readonly string[]): readonly string[] {
  if (!logging.disableExistingLoggers || logging.incremental) return [];
  const named = [...logging.loggers.keys()];
  return existing.filter((own) => !named.some((name) => own === name || own.startsWith(`${name}.`)));
}

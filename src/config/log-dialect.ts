import type { Path } from './kind.ts';
import { formatterClasses } from './log-formatters.ts';
import { handlerClasses } from './log-handlers.ts';
import { resolvePython } from './log-python.ts';
import { isTrue } from './log-values.ts';
import type { LoggingWarning } from './logging.ts';
import { didYouMean } from './nearest.ts';

/** The section in the form that its schema has. */
export interface Translated {
  readonly value: unknown;
  /** What is taken and has no effect. */
  readonly warnings: readonly LoggingWarning[];
  /** What cannot be translated. */
  readonly mistakes: readonly LoggingWarning[];
}

const SECTION = [
  ...['version', 'formatters', 'filters', 'handlers', 'loggers', 'root'],
  ...['disable_existing_loggers', 'incremental'],
];
const FORMATTER = ['class', 'format', 'datefmt', 'style', 'validate', 'defaults'];
const LOGGER = ['level', 'handlers', 'filters', 'propagate'];
const FILTER_CLASS = 'logging.Filter';

/** Keys of other sections and of other tools. They are near to keys that are known, and are not typing errors. */
const ELSEWHERE = ['formatter', 'class', 'name', 'qualname', 'stream', 'filename', 'propagate'];

/**
 * Brings the freedom that dictConfig leaves into one form. Python looks at some keys and never sees the others, takes
 * anything that is empty for nothing, and lets values name other values.
 */
export function translate(section: unknown, at: Path): Translated {
  const translation = new Translation();
  const value = translation.section(resolvePython(section, at, translation.mistakes), at);
  return { value, warnings: translation.warnings, mistakes: translation.mistakes };
}

type Mapping = Map<unknown, unknown>;

/** A copy. Undefined: no mapping. */
const mappingIn = (value: unknown): Mapping | undefined =>
  value instanceof Map ? new Map<unknown, unknown>(value) : undefined;

class Translation {
  readonly warnings: LoggingWarning[] = [];
  readonly mistakes: LoggingWarning[] = [];

  section(value: unknown, at: Path): unknown {
    const mapping = mappingIn(value);
    if (mapping === undefined) return value;
    const section = this.#seen(mapping, SECTION, at, 'Logging has no such key in Python');
    const incremental = isTrue(section.get('incremental'));
    if (incremental) this.#leaveOutHandlers(section, at);
    const translateEach = (key: string, one: (value: unknown, at: Path) => unknown): void => {
      const below = section.get(key);
      const translated = mappingIn(below);
      for (const [name, each] of translated ?? []) translated?.set(name, one(each, [...at, key, String(name)]));
      section.set(key, translated ?? (isTrue(below) ? below : new Map()));
    };
    translateEach('formatters', (each, place) => this.#formatter(each, place));
    translateEach('filters', (each, place) => this.#filter(each, place));
    translateEach('handlers', (each, place) => this.#handler(each, place));
    translateEach('loggers', (each, place) => this.#logger(each, place, incremental));
    if (isTrue(section.get('root'))) section.set('root', this.#root(section.get('root'), [...at, 'root'], incremental));
    else section.delete('root');
    for (const key of ['disable_existing_loggers', 'incremental']) {
      if (section.has(key)) section.set(key, isTrue(section.get(key)));
    }
    // Python's True is 1.
    if (section.get('version') === true) section.set('version', 1);
    return section;
  }

  #leaveOutHandlers(section: Mapping, at: Path): void {
    if ((mappingIn(section.get('handlers'))?.size ?? 0) > 0) {
      const message =
        'true only changes handlers that are there already, and at a start there are none; expected false';
      this.mistakes.push({ at: [...at, 'incremental'], message });
    }
    for (const key of ['formatters', 'filters', 'handlers']) section.delete(key);
  }

  #formatter(value: unknown, at: Path): unknown {
    const formatter = this.#made(value, at, formatterClasses);
    if (formatter === undefined) return value;
    if (formatter.get('class') === 'statelessd.JsonFormatter') {
      return this.#seen(formatter, ['class'], at, 'a JSON line has no format');
    }
    for (const [key, each] of formatter)
      if (key !== 'validate' && (each === '' || each === null)) formatter.delete(key);
    return this.#seen(formatter, FORMATTER, at, 'a formatter has no such key in Python');
  }

  #filter(value: unknown, at: Path): unknown {
    const filter = this.#made(value, at, [FILTER_CLASS]);
    if (filter === undefined) return value;
    if (filter.get('class') === FILTER_CLASS) filter.delete('class');
    return this.#seen(filter, ['name'], at, 'a filter has no such key in Python');
  }

  #handler(value: unknown, at: Path): unknown {
    const handler = this.#made(value, at, handlerClasses);
    if (handler === undefined) return value;
    const name = String(handler.get('class'));
    const properties = mappingIn(handler.get('.'));
    if (properties !== undefined) {
      const settable = name.endsWith('.SysLogHandler') ? ['ident', 'append_nul'] : ['terminator'];
      handler.set('.', this.#seen(properties, settable, [...at, '.'], 'a handler here has no such property'));
    } else if (!isTrue(handler.get('.'))) handler.delete('.');
    if (!isTrue(handler.get('formatter'))) handler.delete('formatter');
    useNames(handler, 'filters');
    const rotating = /\.((Timed)?RotatingFileHandler)$/.exec(name)?.[1];
    if (rotating !== undefined) {
      handler.delete('atTime');
      const message = `${rotating} does not rotate here: the file is written as by WatchedFileHandler, and logrotate(8) may rotate it`;
      this.warnings.push({ at: [...at, 'class'], message });
    }
    return handler;
  }

  #logger(value: unknown, at: Path, incremental: boolean): unknown {
    const mapping = mappingIn(value);
    if (mapping === undefined) return value;
    const logger = this.#seen(mapping, LOGGER, at, 'a logger has no such key in Python');
    for (const key of ['handlers', 'filters']) {
      if (incremental) logger.delete(key);
      else useNames(logger, key);
    }
    return logger;
  }

  #root(value: unknown, at: Path, incremental: boolean): unknown {
    const root = this.#logger(value, at, incremental);
    // It has nobody to propagate to.
    if (root instanceof Map) root.delete('propagate');
    return root;
  }

  /** Without the keys that Python does not look at. One that looks mistyped stays, to be refused. */
  #seen(mapping: Mapping, keys: readonly string[], at: Path, why: string): Mapping {
    return new Map(
      [...mapping].filter(([key]) => {
        const name = String(key);
        if (keys.includes(name) || (didYouMean(name, keys) !== '' && !ELSEWHERE.includes(name))) return true;
        this.warnings.push({ at: [...at, name], message: `${why}; this is ignored` });
        return false;
      }),
    );
  }

  /** `()` names a factory instead of a class; of factories there are the classes that we have. */
  #made(value: unknown, at: Path, classes: readonly string[]): Mapping | undefined {
    const mapping = mappingIn(value);
    const factory: unknown = mapping?.get('()');
    if (mapping === undefined || factory === undefined) return mapping;
    mapping.delete('()');
    if (typeof factory === 'string' && classes.includes(factory)) {
      mapping.set('class', factory);
      // The name of the constructor's argument.
      if (mapping.has('fmt')) mapping.set('format', mapping.get('fmt'));
      mapping.delete('fmt');
    } else {
      const message = `only Python can call this; expected a class, one of ${classes.join(', ')}`;
      this.mistakes.push({ at: [...at, '()'], message });
      // The rest belongs to the factory.
      return new Map([['class', classes[0]]]);
    }
    return mapping;
  }
}

/** Each name once, as adding a handler or a filter a second time does nothing; of a mapping its keys. */
function useNames(mapping: Mapping, key: string): void {
  const value: unknown = mapping.get(key);
  if (!isTrue(value)) mapping.delete(key);
  else if (value instanceof Map) mapping.set(key, [...value.keys()]);
  else if (Array.isArray(value)) mapping.set(key, [...new Set<unknown>(value)]);
}

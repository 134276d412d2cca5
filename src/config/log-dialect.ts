import type { Path } from './kind.ts';
import { formatterClasses } from './log-formatters.ts';
import { handlerClasses } from './log-handlers.ts';
import { resolvePython } from './log-python.ts';
import { isTrue } from './log-values.ts';
import type { LoggingWarning } from './logging.ts';
import { didYouMean } from './nearest.ts';

/** A section as our own schema has it, with what was lost on the way. */
export interface Translated {
  readonly value: unknown;
  readonly warnings: readonly LoggingWarning[];
  readonly mistakes: readonly LoggingWarning[];
}

const TOP = [
  'version',
  'formatters',
  'filters',
  'handlers',
  'loggers',
  'root',
  'disable_existing_loggers',
  'incremental',
];
const FORMATTER = ['class', 'format', 'datefmt', 'style', 'validate', 'defaults'];
const LOGGER = ['level', 'handlers', 'filters', 'propagate'];
const SYSLOG_PROPERTIES = ['ident', 'append_nul'];
const FILTER_CLASS = 'logging.Filter';

/**
 * Brings the freedom that dictConfig leaves into one form: it looks at some keys and never sees the others, it takes
 * anything empty for nothing, and its values may name other values.
 */
export function translate(section: unknown, at: Path): Translated {
  const warnings: LoggingWarning[] = [];
  const mistakes: LoggingWarning[] = [];
  const resolved = resolvePython(section, at, mistakes);
  if (!(resolved instanceof Map)) return { value: section, warnings, mistakes };

  /** A mapping without the keys that Python does not look at. One that looks mistyped stays, to be refused. */
  const known = (value: unknown, keys: readonly string[], place: Path, why: string): unknown => {
    if (!(value instanceof Map)) return value;
    const kept = new Map<unknown, unknown>();
    for (const [key, each] of value) {
      const name = String(key);
      if (keys.includes(name) || (didYouMean(name, keys) !== '' && !PYTHONS_OWN.includes(name))) kept.set(name, each);
      else warnings.push({ at: [...place, name], message: `${why}; this is ignored` });
    }
    return kept;
  };
  const each = (value: unknown, place: Path, change: (value: unknown, place: Path) => unknown): unknown =>
    value instanceof Map
      ? new Map([...value].map(([name, below]) => [name, change(below, [...place, String(name)])]))
      : nothingIfEmpty(value);
  /** `()` names a factory, of which the classes that we have are some. */
  const made = (value: unknown, place: Path, classes: readonly string[]): unknown => {
    if (!(value instanceof Map) || !value.has('()')) return value;
    const factory: unknown = value.get('()');
    if (typeof factory === 'string' && classes.includes(factory)) {
      const rest = [...value].filter(([key]) => key !== '()');
      return new Map<unknown, unknown>([...rest, ['class', factory]]);
    }
    mistakes.push({
      at: [...place, '()'],
      message: `only Python can call this; expected a class, one of ${classes.join(', ')}`,
    });
    return undefined;
  };

  const formatter = (value: unknown, place: Path): unknown => {
    const map = made(value, place, formatterClasses);
    if (!(map instanceof Map)) return map;
    if (map.has('fmt') && !map.has('format')) map.set('format', map.get('fmt'));
    if (map !== value) map.delete('fmt');
    return map.get('class') === 'statelessd.JsonFormatter'
      ? known(map, ['class'], place, 'a JSON line has no format')
      : known(withoutNothing(map), FORMATTER, place, 'a formatter has no such key in Python');
  };
  const filter = (value: unknown, place: Path): unknown => {
    const map = made(value, place, [FILTER_CLASS]);
    if (map instanceof Map && map !== value) map.delete('class');
    return known(map, ['name'], place, 'a filter has no such key in Python');
  };
  const handler = (value: unknown, place: Path): unknown => {
    const map = made(value, place, handlerClasses);
    if (!(map instanceof Map)) return map;
    const properties = map.get('.');
    const kept = new Map(map);
    if (properties instanceof Map) {
      const settable = String(map.get('class')).endsWith('SysLogHandler') ? SYSLOG_PROPERTIES : ['terminator'];
      kept.set('.', known(properties, settable, [...place, '.'], 'a handler here has no such property'));
    } else if (!isTrue(properties)) kept.delete('.');
    for (const key of ['formatter', 'filters']) if (!isTrue(kept.get(key))) kept.delete(key);
    kept.set('filters', names(kept.get('filters') ?? []));
    const rotates = /\.(Rotating|TimedRotating)FileHandler$/.exec(String(map.get('class')))?.[1];
    if (rotates !== undefined) {
      kept.delete('atTime');
      const message =
        `${rotates}FileHandler does not rotate here: the file is written as by WatchedFileHandler, ` +
        'and logrotate(8) may rotate it';
      warnings.push({ at: [...place, 'class'], message });
    }
    return kept;
  };
  const incremental = isTrue(resolved.get('incremental'));
  const logger = (value: unknown, place: Path): unknown => {
    const map = known(value, LOGGER, place, 'a logger has no such key in Python');
    if (!(map instanceof Map)) return map;
    for (const key of ['handlers', 'filters']) {
      if (isTrue(map.get(key)) && !incremental) map.set(key, names(map.get(key)));
      else map.delete(key);
    }
    return map;
  };

  const top = known(resolved, TOP, at, 'Logging has no such key in Python');
  if (!(top instanceof Map)) return { value: top, warnings, mistakes };
  const handlers = top.get('handlers');
  if (incremental) {
    if (handlers instanceof Map && handlers.size > 0) {
      mistakes.push({
        at: [...at, 'incremental'],
        message: 'true only changes handlers that are there already, and at a start there are none; expected false',
      });
    }
    for (const key of ['formatters', 'filters', 'handlers']) top.delete(key);
  }
  top.set('formatters', each(top.get('formatters'), [...at, 'formatters'], formatter));
  top.set('filters', each(top.get('filters'), [...at, 'filters'], filter));
  top.set('handlers', each(top.get('handlers'), [...at, 'handlers'], handler));
  top.set('loggers', each(top.get('loggers'), [...at, 'loggers'], logger));
  if (isTrue(top.get('root'))) {
    const root = logger(top.get('root'), [...at, 'root']);
    // It has nobody to propagate to.
    if (root instanceof Map) root.delete('propagate');
    top.set('root', root);
  } else top.delete('root');
  for (const key of ['disable_existing_loggers', 'incremental']) {
    if (top.has(key)) top.set(key, isTrue(top.get(key)));
  }
  // Python's True is 1.
  if (top.get('version') === true) top.set('version', 1);
  return { value: top, warnings, mistakes };
}

/** Keys of other sections, of fileConfig and of other tools, which look like typing errors of ours. */
const PYTHONS_OWN = ['formatter', 'class', 'name', 'qualname', 'stream', 'filename', 'propagate'];

const nothingIfEmpty = (value: unknown): unknown => (isTrue(value) ? value : new Map());

const withoutNothing = (map: ReadonlyMap<unknown, unknown>): Map<unknown, unknown> =>
  new Map([...map].filter(([key, value]) => key === 'validate' || (value !== '' && value !== null)));

/** Each once, as adding a handler or a filter a second time does nothing; of a mapping its keys. */
function names(value: unknown): unknown {
  if (value instanceof Map) return [...value.keys()];
  return Array.isArray(value) ? [...new Set<unknown>(value)] : value;
}

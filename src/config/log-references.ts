import type { Path, Report } from './kind.ts';
import type { LoggingConfig } from './logging.ts';
import { didYouMean } from './nearest.ts';

type Named = 'formatter' | 'filter' | 'handler';

/** Judges that each formatter, filter and handler that the logging section refers to is there. */
export function checkReferences(logging: LoggingConfig, sound: (path: Path) => boolean, report: Report): void {
  const known: Readonly<Record<Named, ReadonlyMap<string, unknown>>> = {
    formatter: logging.formatters,
    filter: logging.filters,
    handler: logging.handlers,
  };
  const check = (what: Named, name: string, at: Path): void => {
    // One that has been refused is there, if only with a mistake.
    if (known[what].has(name) || !sound(['Logging', `${what}s`, name])) return;
    const names = [...known[what].keys()];
    const expected = names.length === 0 ? 'there is none' : `expected one of ${names.join(', ')}`;
    report(at, `unknown ${what}; ${expected}${didYouMean(name, names)}`);
  };
  const checkAll = (what: Named, names: readonly string[], at: Path): void => {
    for (const [index, name] of names.entries()) check(what, name, [...at, `${what}s`, index]);
  };
  for (const [name, { formatter, filters }] of logging.handlers) {
    const at = ['Logging', 'handlers', name];
    if (formatter !== undefined) check('formatter', formatter, [...at, 'formatter']);
    checkAll('filter', filters, at);
  }
  const loggers = [...logging.loggers].map(([name, logger]) => ({ at: ['Logging', 'loggers', name], logger }));
  const { root } = logging;
  for (const { at, logger } of [...loggers, ...(root ? [{ at: ['Logging', 'root'], logger: root }] : [])]) {
    checkAll('handler', logger.handlers, at);
    checkAll('filter', logger.filters, at);
  }
}

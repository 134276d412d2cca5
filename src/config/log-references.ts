import type { Path, Report } from './kind.ts';
import type { LoggingConfig } from './logging.ts';
import { didYouMean } from './nearest.ts';

/** Judges that each formatter and handler that the logging section refers to is there. */
export function checkReferences(logging: LoggingConfig, sound: (path: Path) => boolean, report: Report): void {
  const check = (what: string, name: string, known: ReadonlyMap<string, unknown>, section: string, at: Path) => {
    // One that has been refused is there, if only with a mistake.
    if (known.has(name) || !sound(['Logging', section, name])) return;
    const names = [...known.keys()];
    const expected = names.length === 0 ? 'there is none' : `expected one of ${names.join(', ')}`;
    report(at, `unknown ${what}; ${expected}${didYouMean(name, names)}`);
  };
  for (const [name, { formatter }] of logging.handlers) {
    const at = ['Logging', 'handlers', name, 'formatter'];
    if (formatter !== undefined) check('formatter', formatter, logging.formatters, 'formatters', at);
  }
  const loggers = [...logging.loggers].map(([name, logger]) => ({ at: ['Logging', 'loggers', name], logger }));
  if (logging.root !== undefined)
    loggers.push({ at: ['Logging', 'root'], logger: { ...logging.root, propagate: false } });
  for (const { at, logger } of loggers) {
    for (const [index, name] of logger.handlers.entries()) {
      check('handler', name, logging.handlers, 'handlers', [...at, 'handlers', index]);
    }
  }
}

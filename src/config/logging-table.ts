import type { Kind } from './kind.ts';
import { translate } from './log-dialect.ts';
import { formatter } from './log-formatters.ts';
import { handler, namesOf } from './log-handlers.ts';
import { level, truth } from './log-values.ts';
import type { LoggingConfig } from './logging.ts';
import { anyText, flag, oneNumberOf } from './scalars.ts';
import { named, optional, required, section, setting } from './section.ts';

const rootLogger = {
  level: optional('level', level),
  handlers: setting('handlers', namesOf('handlers'), []),
  filters: setting('filters', namesOf('filters'), []),
};

const schema = section({
  version: required('version', oneNumberOf([1], 'expected 1')),
  formatters: setting('formatters', named('formatters', formatter), new Map()),
  filters: setting('filters', named('filters', section({ name: setting('name', anyText, '') })), new Map()),
  handlers: setting('handlers', named('handlers', handler), new Map()),
  loggers: setting(
    'loggers',
    named('loggers', section({ ...rootLogger, propagate: setting('propagate', truth, true) })),
    new Map(),
  ),
  root: optional('root', section(rootLogger)),
  disable_existing_loggers: setting('disableExistingLoggers', flag, true),
  incremental: setting('incremental', flag, false),
});

/** `Logging`, Python's dictConfig. An environment variable holds it as a whole. */
export const logging: Kind<LoggingConfig> = {
  ...schema,
  read(value, at, report) {
    const { value: translated, warnings, mistakes } = translate(value, at);
    for (const mistake of mistakes) report(mistake.at, mistake.message);
    const read = schema.read(translated, at, report);
    return read && { ...read, warnings };
  },
  text: 'yaml',
};

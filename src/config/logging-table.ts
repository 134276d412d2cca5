import type { Kind } from './kind.ts';
import { listOf } from './list.ts';
import { logFormat } from './log-format.ts';
import { type LoggingConfig, type LogHandler, type LogLevel, type SysLogHandler, syslogFacilities } from './logging.ts';
import { host } from './network.ts';
import { anyText, filePath, flag, oneNumberOf, oneOf, port, textTo } from './scalars.ts';
import { mappingOf, named, optional, required, section, setting } from './section.ts';

const levels = new Map<string, LogLevel>([
  ['NOTSET', 'NOTSET'],
  ['DEBUG', 'DEBUG'],
  ['INFO', 'INFO'],
  ['WARNING', 'WARNING'],
  ['WARN', 'WARNING'],
  ['ERROR', 'ERROR'],
  ['CRITICAL', 'CRITICAL'],
  ['FATAL', 'CRITICAL'],
]);

const level: Kind<LogLevel> = textTo(
  (name) => levels.get(name),
  `expected a level, one of ${[...levels.keys()].join(', ')}`,
  (name) => name,
);

const names = listOf('names of handlers', anyText);

const syslogAddress: Kind<SysLogHandler['address']> = {
  read(value, at, report) {
    if (!Array.isArray(value)) return filePath.read(value, at, report);
    const [hostGiven, portGiven]: readonly unknown[] = value;
    if (value.length !== 2) {
      report(at, 'expected a path or [host, port]');
      return undefined;
    }
    const address = { host: host.read(hostGiven, [...at, 0], report), port: port.read(portGiven, [...at, 1], report) };
    return address.host === undefined || address.port === undefined
      ? undefined
      : { host: address.host, port: address.port };
  },
  print: (address) => (typeof address === 'string' ? address : [address.host, address.port]),
};

const anyHandler = {
  formatter: optional('formatter', anyText),
  level: setting('level', level, 'NOTSET'),
  debug_only: setting('debugOnly', flag, false),
};

const streamHandler = section({
  class: required('class', oneOf(['logging.StreamHandler'])),
  ...anyHandler,
  stream: setting('stream', oneOf(['ext://sys.stdout', 'ext://sys.stderr']), 'ext://sys.stderr'),
});

const sysLogHandler = section({
  class: required('class', oneOf(['logging.handlers.SysLogHandler'])),
  ...anyHandler,
  address: setting('address', syslogAddress, ['localhost', 514]),
  facility: setting('facility', oneOf(syslogFacilities), 'user'),
});

const handlerClass = oneOf(['logging.StreamHandler', 'logging.handlers.SysLogHandler']);

const handler: Kind<LogHandler> = {
  children: new Map([...(streamHandler.children ?? []), ...(sysLogHandler.children ?? [])]),
  read(value, at, report) {
    const mapping = mappingOf(value);
    if (mapping === undefined) {
      report(at, 'expected a mapping with a class', { value });
      return undefined;
    }
    const chosen = handlerClass.read(mapping.get('class'), [...at, 'class'], report);
    if (chosen === undefined) return undefined;
    return (chosen === 'logging.StreamHandler' ? streamHandler : sysLogHandler).read(value, at, report);
  },
  print: (value) => (value.class === 'logging.StreamHandler' ? streamHandler.print(value) : sysLogHandler.print(value)),
};

const filtersByName = named('filters', section({ name: setting('name', anyText, '') }));

const filters: typeof filtersByName = {
  ...filtersByName,
  // The file of 2013 has an empty list here.
  read: (value, at, report) =>
    filtersByName.read(Array.isArray(value) && value.length === 0 ? new Map() : value, at, report),
};

const rootLogger = {
  level: optional('level', level),
  handlers: setting('handlers', names, []),
};

/** The schema of `Logging`, Python's dictConfig. An environment variable holds it as a whole. */
export const logging: Kind<LoggingConfig> = {
  ...section({
    version: required('version', oneNumberOf([1], 'expected 1')),
    formatters: setting(
      'formatters',
      named(
        'formatters',
        section({ format: setting('format', logFormat, '%(message)s'), datefmt: optional('datefmt', anyText) }),
      ),
      new Map(),
    ),
    filters: setting('filters', filters, new Map()),
    handlers: setting('handlers', named('handlers', handler), new Map()),
    loggers: setting(
      'loggers',
      named('loggers', section({ ...rootLogger, propagate: setting('propagate', flag, true) })),
      new Map(),
    ),
    root: optional('root', section(rootLogger)),
    disable_existing_loggers: setting('disableExistingLoggers', flag, true),
    incremental: setting('incremental', flag, false),
  }),
  text: 'yaml',
};

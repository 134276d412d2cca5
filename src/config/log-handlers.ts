import { type Kind, typeName } from './kind.ts';
import { listOf } from './list.ts';
import { facilities, level, truth } from './log-values.ts';
import {
  encodingErrors,
  type FileHandler,
  type LogEncoding,
  type LogHandler,
  type NullHandler,
  type RotatingFileHandler,
  type StreamHandler,
  type SysLogHandler,
  type TimedRotatingFileHandler,
} from './logging.ts';
import { didYouMean } from './nearest.ts';
import { host } from './network.ts';
import { anyText, filePath, flag, integer, oneOf, port, textTo } from './scalars.ts';
import { mappingOf, optional, required, section, setting } from './section.ts';

/** Names of handlers or filters. */
export const namesOf = (what: string): Kind<readonly string[]> => listOf(`names of ${what}`, anyText);

const anyHandler = {
  formatter: optional('formatter', anyText),
  level: setting('level', level, 'NOTSET'),
  filters: setting('filters', namesOf('filters'), []),
  debug_only: setting('debugOnly', flag, false),
};

const stream: Kind<StreamHandler> = section({
  class: required('class', oneOf(['logging.StreamHandler'])),
  ...anyHandler,
  stream: setting('stream', oneOf(['ext://sys.stdout', 'ext://sys.stderr']), 'ext://sys.stderr'),
  '.': optional('properties', section({ terminator: optional('terminator', anyText) })),
});

const none: Kind<NullHandler> = section({ class: required('class', oneOf(['logging.NullHandler'])), ...anyHandler });

/** As open() has them; what is written is text, and it is always appended. */
const mode = textTo(
  (text) => (/^(?=.{1,3}$)[awxt+]*[awx][t+]*$/.test(text) ? (text.includes('w') ? 'w' : 'a') : undefined),
  'expected a (append) or w (empty it at a start)',
  (value: 'a' | 'w') => value,
);

const encodings = new Map<string, LogEncoding>([
  ['utf8', 'utf-8'],
  ['u8', 'utf-8'],
  ['latin1', 'latin-1'],
  ['iso88591', 'latin-1'],
  ['l1', 'latin-1'],
  ['ascii', 'ascii'],
  ['usascii', 'ascii'],
  // What Python means where nobody says anything.
  ['locale', 'utf-8'],
]);

const encoding = textTo(
  (text) => encodings.get(text.toLowerCase().replaceAll(/[-_ ]/g, '')),
  'expected utf-8, latin-1 or ascii',
  (value) => value,
);

const anyFile = {
  ...anyHandler,
  filename: required('filename', filePath),
  encoding: setting('encoding', encoding, 'utf-8'),
  errors: setting('errors', oneOf(encodingErrors), 'strict'),
  delay: setting('delay', truth, false),
  '.': optional('properties', section({ terminator: optional('terminator', anyText) })),
};

const whole = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

const file: Kind<FileHandler> = section({
  class: required('class', oneOf(['logging.FileHandler', 'logging.handlers.WatchedFileHandler'])),
  ...anyFile,
  mode: setting('mode', mode, 'a'),
});

const rotating: Kind<RotatingFileHandler> = section({
  class: required('class', oneOf(['logging.handlers.RotatingFileHandler'])),
  ...anyFile,
  mode: setting('mode', mode, 'a'),
  maxBytes: setting('maxBytes', whole, 0),
  backupCount: setting('backupCount', whole, 0),
});

const turns = textTo(
  (text) => (/^(s|m|h|d|midnight|w[0-6])$/i.test(text) ? text : undefined),
  'expected S, M, H, D, midnight or W0 to W6',
  (value) => value,
);

const timedEntries = {
  class: required('class', oneOf(['logging.handlers.TimedRotatingFileHandler'])),
  ...anyFile,
  when: setting('when', turns, 'h'),
  interval: setting('interval', whole, 1),
  backupCount: setting('backupCount', whole, 0),
  utc: setting('utc', truth, false),
};

const timedSection = section(timedEntries);

const timed: Kind<TimedRotatingFileHandler> = {
  ...timedSection,
  read(value, at, report) {
    const read = timedSection.read(value, at, report);
    // Its constructor has no mode.
    return read && { ...read, mode: 'a' };
  },
};

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

const facility: Kind<number> = {
  read(value, at, report) {
    const code = typeof value === 'string' ? facilities.get(value) : value;
    if (typeof code === 'number' && Number.isInteger(code) && code >= 0 && code <= 23) return code;
    const names = [...facilities.keys()];
    const near = typeof value === 'string' ? didYouMean(value, names) : '';
    report(at, `expected a code from 0 to 23 or one of ${names.join(', ')}${near}`);
    return undefined;
  },
  print: (code) => [...facilities].find(([, each]) => each === code)?.[0] ?? code,
};

const syslog: Kind<SysLogHandler> = section({
  class: required('class', oneOf(['logging.handlers.SysLogHandler'])),
  ...anyHandler,
  address: setting('address', syslogAddress, ['localhost', 514]),
  facility: setting('facility', facility, 'user'),
  socktype: setting(
    'socktype',
    oneOf(['ext://socket.SOCK_DGRAM', 'ext://socket.SOCK_STREAM']),
    'ext://socket.SOCK_DGRAM',
  ),
  '.': optional('properties', section({ ident: optional('ident', anyText), append_nul: optional('appendNul', truth) })),
});

type HandlerClass = LogHandler['class'];

const kinds = {
  'logging.StreamHandler': stream,
  'logging.NullHandler': none,
  'logging.FileHandler': file,
  'logging.handlers.WatchedFileHandler': file,
  'logging.handlers.RotatingFileHandler': rotating,
  'logging.handlers.TimedRotatingFileHandler': timed,
  'logging.handlers.SysLogHandler': syslog,
} as const satisfies Readonly<Record<HandlerClass, Kind<LogHandler>>>;

export const handlerClasses = Object.keys(kinds);

const isHandlerClass = (name: unknown): name is HandlerClass => typeof name === 'string' && Object.hasOwn(kinds, name);

/** Of whichever class. */
export const handler: Kind<LogHandler> = {
  children: new Map(Object.values(kinds).flatMap((kind) => [...(kind.children ?? [])])),
  read(value, at, report) {
    const mapping = mappingOf(value);
    if (mapping === undefined) {
      report(at, 'expected a mapping with a class', { value });
      return undefined;
    }
    const name = mapping.get('class');
    if (isHandlerClass(name)) return kinds[name].read(value, at, report);
    report([...at, 'class'], classMistake(name, handlerClasses));
    return undefined;
  },
  print(value) {
    switch (value.class) {
      case 'logging.StreamHandler':
        return stream.print(value);
      case 'logging.NullHandler':
        return none.print(value);
      case 'logging.FileHandler':
      case 'logging.handlers.WatchedFileHandler':
        return file.print(value);
      case 'logging.handlers.RotatingFileHandler':
        return rotating.print(value);
      case 'logging.handlers.TimedRotatingFileHandler':
        return timed.print(value);
      case 'logging.handlers.SysLogHandler':
        return syslog.print(value);
    }
  },
};

/** Those of the standard library that there is nothing like here. */
const PYTHONS_HANDLERS = ['Buffering', 'Datagram', 'HTTP', 'Memory', 'NTEventLog', 'Queue', 'SMTP', 'Socket'].map(
  (name) => `logging.handlers.${name}Handler`,
);

/** Why a class is refused: it is misspelled, or it is Python code. */
export function classMistake(found: unknown, known: readonly string[]): string {
  const expected = `expected one of ${known.join(', ')}`;
  if (typeof found !== 'string') return `${expected}, not ${typeName(found)}`;
  // Without a module it is a name that even Python would not find.
  const isPythons = PYTHONS_HANDLERS.includes(found) || !/^(logging|statelessd)\.|^[^.]*$/.test(found);
  return isPythons ? `only Python has this class; ${expected}` : `${expected}${didYouMean(found, known)}`;
}

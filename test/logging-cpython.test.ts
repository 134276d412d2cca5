import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { BothLoggings, type LogRecord } from './support/both-loggings.ts';
import { GatewayProcess } from './support/gateway.ts';
import { FORM, http } from './support/http.ts';
import { Topology } from './support/topology.ts';

const NAMES = { gateway: 'statelessd', access: 'tinman.application', broker: 'statelessd.rabbitmq' };

/** A summer's day and a winter's night, with milliseconds that have zeros in front. */
const SUMMER = Date.UTC(2026, 6, 4, 21, 5, 3, 7);
const WINTER = Date.UTC(2027, 0, 1, 0, 0, 0, 250);

const RECORDS: readonly LogRecord[] = [
  { door: 'gateway', level: 'info', message: 'listening on [::]:8000', time: SUMMER },
  { door: 'access', level: 'info', message: "answered status=204 target='/v/x/k'", time: SUMMER + 1 },
  { door: 'access', level: 'warning', message: 'answered status=404 100% {of} $them', time: WINTER },
  { door: 'broker', level: 'debug', message: 'a frame', time: WINTER },
  { door: 'broker', level: 'warning', message: 'connection lost “früh” 漢字 🐰', time: WINTER + 999 },
  { door: 'gateway', level: 'error', message: 'a backend died', time: SUMMER },
];

/** The record that a JSON line of ours tells of, its fields behind its sentence. */
function recordOf(line: string): LogRecord {
  const { time, level, logger, message, ...fields } = JSON.parse(line);
  const details = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const door = DOORS.find((each) => NAMES[each] === logger);
  if (door === undefined) throw new Error(`a logger of an unknown name: ${logger}`);
  return { door, level, message: (message + details.join('')).replaceAll('\u202e', '\\u202e'), time: Date.parse(time) };
}

const DOORS = ['gateway', 'access', 'broker'] as const;

const ALL = 'disable_existing_loggers: false\nroot: {level: NOTSET, handlers: [h]}';
const formatted = (formatter: string): string =>
  `version: 1\nformatters: {f: ${formatter}}\nhandlers: {h: {class: logging.StreamHandler, formatter: f}}\n${ALL}`;
const percent = (format: string, more = ''): string => formatted(`{format: ${JSON.stringify(format)}${more}}`);
const braces = (format: string): string => percent(format, ', style: "{"');
const dollars = (format: string): string => percent(format, ', style: $');

/** Shapes as frameworks and servers document them, in words of our own. */
const CONFIGURATIONS: readonly (readonly [name: string, yaml: string])[] = [
  [
    'a web framework: console and file, both formatters in braces',
    `
version: 1
disable_existing_loggers: false
formatters:
  verbose: {format: '{levelname} {asctime} {module} {process:d} {thread:d} {message}', style: '{'}
  simple: {format: '{levelname} {message}', style: '{'}
handlers:
  console: {class: logging.StreamHandler, formatter: simple, level: INFO}
  file: {class: logging.FileHandler, filename: DIR/app.log, formatter: verbose, level: DEBUG}
loggers:
  statelessd: {handlers: [console, file], propagate: true}
  tinman.application: {handlers: [file], level: ERROR, propagate: false}
root: {handlers: [console], level: WARNING}
`,
  ],
  [
    'a microframework: one formatter, one handler to standard output, the root alone',
    `
version: 1
disable_existing_loggers: false
formatters: {default: {format: '[%(asctime)s] %(levelname)s in %(module)s: %(message)s'}}
handlers: {wsgi: {class: logging.StreamHandler, stream: ext://sys.stdout, formatter: default}}
root: {level: INFO, handlers: [wsgi]}
`,
  ],
  [
    'a task queue: the process in the line, workers apart',
    `
version: 1
disable_existing_loggers: false
formatters: {worker: {format: '[%(asctime)s: %(levelname)s/%(processName)s] %(name)s[%(process)d]: %(message)s'}}
handlers:
  console: {class: logging.StreamHandler, formatter: worker}
  errors: {class: logging.handlers.WatchedFileHandler, filename: DIR/errors.log, formatter: worker, level: ERROR}
loggers:
  statelessd: {level: DEBUG, handlers: [console, errors], propagate: 0}
  tinman: {level: 30, handlers: [errors], propagate: ''}
`,
  ],
  [
    'a scheduler: a rotating file under a name of its own, filters on handlers',
    `
version: 1
disable_existing_loggers: False
formatters: {airy: {format: '[%(asctime)s] {%(filename)s:%(lineno)d} %(levelname)s - %(message)s', datefmt: '%Y-%m-%dT%H:%M:%S%z'}}
filters: {brokers: {name: statelessd.rabbitmq}}
handlers:
  task: {class: logging.handlers.RotatingFileHandler, filename: DIR/task.log, mode: a, maxBytes: 104857600, backupCount: 5, formatter: airy, filters: [brokers]}
  console: {class: logging.StreamHandler, formatter: airy, stream: ext://sys.stdout}
loggers: {statelessd: {handlers: [console, task], level: INFO, propagate: false}}
root: {handlers: [console], level: INFO}
`,
  ],
  [
    'a server: access and error logs, generic date, extra keys that Python does not look at',
    `
version: 1
disable_existing_loggers: false
formatters: {generic: {format: '%(asctime)s [%(process)d] [%(levelname)s] %(message)s', datefmt: '[%Y-%m-%d %H:%M:%S %z]', class: logging.Formatter}}
handlers:
  console: {class: logging.StreamHandler, formatter: generic, stream: ext://sys.stdout}
  error_console: {class: logging.StreamHandler, formatter: generic, stream: ext://sys.stderr}
loggers:
  statelessd: {level: INFO, handlers: [error_console], propagate: true, qualname: gateway.error}
  tinman.application: {level: INFO, handlers: [console], propagate: false, qualname: gateway.access}
root: {level: INFO, handlers: [console]}
`,
  ],
  [
    'an ASGI server: access apart, no propagation, the rest on standard error',
    `
version: 1
disable_existing_loggers: false
formatters:
  default: {'()': logging.Formatter, fmt: '%(levelname)-9s %(message)s'}
  access: {'()': logging.Formatter, format: '%(levelname)s: %(name)s - "%(message)s"', datefmt: '%c'}
handlers:
  default: {formatter: default, class: logging.StreamHandler, stream: ext://sys.stderr}
  access: {formatter: access, class: logging.StreamHandler, stream: ext://sys.stdout}
loggers:
  statelessd: {handlers: [default], level: INFO, propagate: []}
  tinman.application: {handlers: [access], level: INFO, propagate: {}}
`,
  ],
  [
    'words and merge keys of YAML 1.1',
    `
version: 1
disable_existing_loggers: No
handlers:
  h: &handler {class: logging.StreamHandler, level: INFO, stream: ext://sys.stdout}
  more: {<<: *handler, level: WARNING}
loggers:
  statelessd: &logger {level: INFO, handlers: [h], propagate: off}
  tinman: {<<: *logger, handlers: [h, more], propagate: yes}
root: {handlers: [more]}
`,
  ],
  [
    'anchors, merged by hand, and a handler that is named twice',
    `
version: 1
handlers:
  h: &handler {class: logging.StreamHandler}
  twice: *handler
loggers:
  statelessd: {level: INFO, handlers: [h, h, twice]}
  statelessd.rabbitmq: {level: WARNING, handlers: [twice]}
`,
  ],
  [
    'the logger root, and after it the root',
    `version: 1\nhandlers: {a: {class: logging.StreamHandler}, h: {class: logging.StreamHandler, stream: ext://sys.stdout}}\nloggers: {root: {level: DEBUG, handlers: [a]}}\ndisable_existing_loggers: 0\nroot: {handlers: [h]}`,
  ],
  [
    'the logger root alone',
    'version: 1\nhandlers: {h: {class: logging.StreamHandler}}\nloggers: {root: {level: INFO, handlers: [h], propagate: false}}\ndisable_existing_loggers: ""',
  ],
  [
    'the nameless logger, and propagation for the root',
    'version: 1\nhandlers: {h: {class: logging.StreamHandler}}\nloggers: {"": {level: 25, handlers: [h]}}\nroot: {propagate: false}\ndisable_existing_loggers: []',
  ],
  [
    'existing loggers disabled',
    'version: 1\nhandlers: {h: {class: logging.StreamHandler}}\nroot: {level: DEBUG, handlers: [h]}',
  ],
  [
    'a disabled parent’s child, an unnamed logger',
    'version: 1\nhandlers: {h: {class: logging.StreamHandler}}\nloggers: {statelessd.rabbitmq: {handlers: [h], level: 1}}',
  ],
  [
    'levels of a parent that do not count for its child',
    'version: 1\nhandlers: {h: {class: logging.StreamHandler}}\nloggers: {statelessd: {level: ERROR, handlers: [h]}, statelessd.rabbitmq: {level: 10}, tinman: {level: 45, handlers: [h]}}',
  ],
  [
    'numeric levels between the named ones, and true for 1',
    'version: 1\nhandlers: {h: {class: logging.StreamHandler, level: 15}, w: {class: logging.StreamHandler, level: 31, stream: ext://sys.stdout}}\nloggers: {statelessd: {level: true, handlers: [h, w]}, tinman: {level: -5, handlers: [h]}}',
  ],
  ['no handlers at all: the last resort', 'version: 1\nloggers: {statelessd: {level: DEBUG}, tinman: {handlers: []}}'],
  [
    'a null handler: not even the last resort',
    'version: 1\nhandlers: {silent: {class: logging.NullHandler}}\nloggers: {statelessd: {handlers: [silent]}, tinman: {level: INFO}}',
  ],
  [
    'filters on a logger, which do not count for its children',
    'version: 1\nfilters: {f: {name: other}, g: {}}\nhandlers: {h: {class: logging.StreamHandler, filters: [g]}}\nloggers: {statelessd: {level: DEBUG, handlers: [h], filters: [f, f]}, statelessd.rabbitmq: {}, tinman: {level: INFO, handlers: [h], filters: [g]}}',
  ],
  [
    'filters on the root, a class on a filter',
    'version: 1\nfilters: {f: {name: nothing, class: logging.Filter}, g: {"()": logging.Filter, name: tinman}}\nhandlers: {h: {class: logging.StreamHandler, filters: [g]}}\nroot: {level: INFO, handlers: [h], filters: [f]}\ndisable_existing_loggers: false',
  ],
  [
    'incremental: levels only',
    'version: 1\nincremental: 1\nformatters: {f: {format: x}}\nloggers: {statelessd: {level: ERROR, handlers: [gone]}, tinman: {propagate: false, level: WARNING}}\nroot: {level: INFO}',
  ],
  [
    'files: emptied, delayed, latin-1, a terminator',
    `version: 1\nhandlers:\n  w: {class: logging.FileHandler, filename: DIR/w.log, mode: w, encoding: UTF-8}\n  delayed: {class: logging.FileHandler, filename: DIR/delayed.log, delay: true, level: CRITICAL}\n  made: {class: logging.FileHandler, filename: DIR/made.log, delay: no-such-word-but-true, level: ERROR}\n  latin: {class: logging.handlers.WatchedFileHandler, filename: DIR/latin.log, encoding: iso-8859-1, errors: backslashreplace}\n  ascii: {class: logging.handlers.TimedRotatingFileHandler, filename: DIR/ascii.log, when: midnight, interval: 1, backupCount: 7, utc: true, encoding: ascii, errors: xmlcharrefreplace}\n  crlf: {class: logging.StreamHandler, '.': {terminator: "\\r\\n", unheard: of}}\nloggers: {statelessd: {level: DEBUG, handlers: [w, delayed, made, latin, ascii, crlf]}}`,
  ],
  [
    'ext:// and cfg:// values',
    `version: 1\nhandlers:\n  h: {class: logging.StreamHandler, level: ext://logging.WARNING, stream: ext://sys.__stdout__, formatter: f}\n  same: {class: logging.StreamHandler, level: 'cfg://custom.levels[one]'}\nformatters: {f: {format: 'cfg://custom.formats[0]'}}\ncustom: {formats: ['%(name)s says %(message)s']}\nloggers: {statelessd: {level: INFO, handlers: cfg://custom.both}}\n`.replace(
      'custom: {',
      'custom: {both: [h, same], levels: {one: ERROR}, ',
    ),
  ],
  [
    'columns, as 2013 had them',
    percent(
      '%(levelname) -10s %(asctime)s %(process)-6d %(processName) -35s %(threadName) -25s %(name) -35s %(funcName) -30s: %(message)s',
      ', datefmt: "%Y-%m-%d %H:%M:%S"',
    ),
  ],
  [
    'numbers by percent',
    percent(
      '[%(levelno)05d|%(levelno)+d|%(levelno)x|%(levelno)#X|%(levelno)#o|%(levelno)-6i|%(levelno).4u|%(levelno)c|%(levelno)ld|%(msecs)03d|%(msecs)s|%(msecs)08.2f|%(created)f|%(created).0f|%(created)d|%(created)e|%(created)G|%(levelno)g|%(msecs)#.3g|%(msecs)#.0f|%(msecs)#.0e|%(msecs)#.2g|%(msecs)g|%(levelno)r] %%%(message)s',
    ),
  ],
  [
    'texts by percent',
    percent(
      '[%(levelname).4s|%(levelname)10.2s|%(message)r|%(message)a|%(name)-3s|%(exc_info)s|%(exc_text)5s|%(stack_info)r|%(args)s|%(msg)s]',
    ),
  ],
  ['a format without a field, not validated', percent('nothing', ', validate: false')],
  ['an empty format and date format', percent('', ', datefmt: ""')],
  [
    'texts in braces',
    braces(
      '{{{levelname:<10}|{levelname:*^12}|{levelname:>4.2}|{levelname:08}|{message!r}|{message!a:.30}|{name!s:~>30}|{message:{levelno}.{levelno}}|{exc_info}|{asctime}}}',
    ),
  ],
  [
    'numbers in braces',
    braces(
      '{levelno:05}|{levelno:+d}|{levelno:#x}|{levelno:#b}|{levelno:^9}|{levelno:=+9}|{levelno:c}|{levelno:.1f}|{levelno:%}|{levelno:08,}|{process:_}|{created}|{created:.3f}|{created:,.2f}|{created:.4}|{created:g}|{created:n}|{created:020,.1f}|{msecs:03.0f}|{msecs:.3}|{msecs:E}|{levelno!s:>5}|{levelno:_x}|{created:#.0f}|{created:#.2}|{msecs:.0e}|{message}',
    ),
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is Python's string.Template
  ['a template', dollars('$asctime ${levelname}: $message ($$5 on $name, ${msecs} $created $exc_info)')],
  [
    'dates',
    percent(
      '%(asctime)s|%(message)s',
      ', datefmt: "%a %A %b %B %c %C %d %D %e %F %g %G %h %H %I %j %k %l %m %M %p %P %r %R %s %S %T %u %U %V %w %W %x %X %y %Y %z %Z %% %f %Q %-d %_d %^a %#Z %10Y %-5d %Ey %_z %"',
    ),
  ],
];

describe('the same configuration and records give the same bytes as from CPython', () => {
  let both: BothLoggings;
  beforeAll(async () => {
    both = await BothLoggings.prepare();
  });
  afterAll(() => both.close());

  it.each(CONFIGURATIONS)('for %s', async (_, yaml) => {
    const { ours, pythons } = await both.run(yaml.trim(), RECORDS, NAMES, 'Europe/Berlin');
    expect(pythons.stderr).not.toContain('Traceback');
    expect(ours).toEqual(pythons);
  });

  it('under the names of 2013, where the configuration has them', async () => {
    const yaml = `
version: 1
formatters: {f: {format: "%(name)s %(message)s"}}
handlers: {h: {class: logging.StreamHandler, formatter: f}}
loggers: {pika: {level: DEBUG, handlers: [h]}, tornado.access: {level: INFO, handlers: [h]}}`;
    const names = { ...NAMES, access: 'tornado.access', broker: 'pika' };
    const { ours, pythons } = await both.run(yaml.trim(), RECORDS, names, 'UTC');
    expect(ours.stderr).toContain('pika a frame');
    expect(ours).toEqual(pythons);
  });

  it('for the program as a whole: what it logged, as CPython logs it', async () => {
    const topology = await Topology.create();
    await topology.exchangeWithQueue();
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-logged-'));
    onTestFinished(async () => {
      await topology.delete();
      await rm(directory, { recursive: true });
    });
    const yaml = (more: string): string => `
version: 1
formatters: {text: {format: '{levelname:<8}|{asctime}|{name}|{message}', style: '{', datefmt: '%c %Z'}, json: {class: statelessd.JsonFormatter}}
handlers: {text: {class: logging.FileHandler, filename: DIR/text, formatter: text}${more}}
disable_existing_loggers: 0
`;
    const facts =
      ', facts: {class: logging.FileHandler, filename: DIR/facts, formatter: json}, console: {class: logging.StreamHandler}';
    const section = `${yaml(facts)}root: {level: INFO, handlers: [console, facts, text]}`.replaceAll('DIR', directory);
    const gateway = await GatewayProcess.start({ logging: parse(section) });
    for (const exchange of ['x', 'missing', 'früh"\u202e']) {
      const path = `/${topology.segment}/${encodeURIComponent(exchange)}/k`;
      await http(gateway.port, path, { user: topology.user, body: 'body=x', headers: FORM });
    }
    await gateway.stop();
    const records = (await readFile(join(directory, 'facts'), 'utf8')).trimEnd().split('\n').map(recordOf);
    expect(new Set(records.map(({ door }) => door))).toEqual(new Set(['gateway', 'access', 'broker']));
    const pythons = `${yaml('').replace(/, json: .*/, '}')}root: {level: INFO, handlers: [text]}`;
    const { text } = await both.pythons(pythons, records, NAMES, process.env.TZ);
    // Two processes write two files each: whose record comes first may differ between the files.
    const inAnyOrder = (lines = ''): string[] => lines.split('\n').toSorted();
    expect(inAnyOrder(await readFile(join(directory, 'text'), 'latin1'))).toEqual(inAnyOrder(text));
  });

  it.each(['UTC', 'America/New_York', 'Asia/Kathmandu', 'America/St_Johns', ''])('in the zone %j', async (zone) => {
    const yaml = percent('%(asctime)s', ', datefmt: "%c %Z %z %p"');
    const { ours, pythons } = await both.run(yaml, RECORDS, NAMES, zone);
    expect(ours.stderr).toContain(' 20');
    expect(ours).toEqual(pythons);
  });
});

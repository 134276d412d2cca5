import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import { printConfig } from '../../src/config/print.ts';
import { formatPath, formatProblem } from '../../src/config/problem.ts';

/** The logging section, or the problems. */
function logging(section: string): unknown {
  const result = parseConfig({ name: 'x.yaml', text: `Logging:\n  version: 1\n${section}` }, {});
  return result.ok ? result.config.logging : result.problems.map(formatProblem);
}

/** What is warned about, by key. */
function warnings(section: string): string[] {
  const result = parseConfig({ name: 'x.yaml', text: `Logging:\n  version: 1\n${section}` }, {});
  if (!result.ok) return result.problems.map(formatProblem);
  return result.config.logging?.warnings.map(({ at, message }) => `${formatPath(at)}: ${message}`) ?? [];
}

const TEXT = { class: 'logging.Formatter', style: '%', validate: true, defaults: new Map() };
const HANDLER = { level: 0, filters: [], debugOnly: false };

describe('The logging section', () => {
  it('has Python’s defaults', () => {
    const section = `
  formatters: {f: }
  handlers:
    a: {class: logging.StreamHandler}
    b: {class: logging.handlers.SysLogHandler}
    c: {class: logging.FileHandler, filename: /var/log/statelessd.log}
    d: {class: logging.NullHandler}
    e: {class: logging.handlers.TimedRotatingFileHandler, filename: e.log}
`;
    const file = { ...HANDLER, mode: 'a', encoding: 'utf-8', errors: 'strict', delay: false };
    expect(logging(section)).toEqual({
      version: 1,
      formatters: new Map([['f', TEXT]]),
      filters: new Map(),
      handlers: new Map<string, object>([
        ['a', { ...HANDLER, class: 'logging.StreamHandler', stream: 'ext://sys.stderr' }],
        [
          'b',
          {
            ...HANDLER,
            class: 'logging.handlers.SysLogHandler',
            address: { host: 'localhost', port: 514 },
            facility: 1,
            socktype: 'ext://socket.SOCK_DGRAM',
          },
        ],
        ['c', { ...file, class: 'logging.FileHandler', filename: '/var/log/statelessd.log' }],
        ['d', { ...HANDLER, class: 'logging.NullHandler' }],
        [
          'e',
          {
            ...file,
            class: 'logging.handlers.TimedRotatingFileHandler',
            filename: 'e.log',
            when: 'h',
            interval: 1,
            backupCount: 0,
            utc: false,
          },
        ],
      ]),
      loggers: new Map(),
      disableExistingLoggers: true,
      incremental: false,
      warnings: [expect.objectContaining({ at: ['Logging', 'handlers', 'e', 'class'] })],
    });
  });

  const EVERYTHING = `
  formatters:
    f: {format: '100%% %(message)s %(msecs)03d %(created).3f', datefmt: '%H'}
    braces: {format: '{levelname:<8}{app}', style: '{', validate: 0, defaults: {app: shop}}
    json: {class: statelessd.JsonFormatter}
  filters: {ours: {name: statelessd}}
  handlers:
    a: {class: logging.StreamHandler, formatter: f, level: WARN, debug_only: true, stream: ext://sys.stdout}
    b: {class: logging.handlers.SysLogHandler, formatter: json, address: [192.0.2.1, 1514], facility: local7, filters: [ours]}
    c: {class: logging.handlers.SysLogHandler, address: [log, 601], facility: 3, socktype: ext://socket.SOCK_STREAM, '.': {ident: 'app: ', append_nul: 0}}
    d: {class: logging.handlers.WatchedFileHandler, filename: d.log, mode: w, encoding: Latin1, errors: replace, delay: 1, level: 15}
  loggers: {statelessd.adapter: {level: FATAL, propagate: 0, handlers: [b, a], filters: [ours]}, quiet: , numbered: {level: 50}}
  root: {level: -1, handlers: [a]}
  disable_existing_loggers: false
`;

  it('reads everything else', () => {
    expect(logging(EVERYTHING)).toEqual({
      version: 1,
      formatters: new Map<string, object>([
        ['f', { ...TEXT, format: '100%% %(message)s %(msecs)03d %(created).3f', datefmt: '%H' }],
        [
          'braces',
          {
            ...TEXT,
            format: '{levelname:<8}{app}',
            style: '{',
            validate: false,
            defaults: new Map([['app', 'shop']]),
          },
        ],
        ['json', { class: 'statelessd.JsonFormatter' }],
      ]),
      filters: new Map([['ours', { name: 'statelessd' }]]),
      handlers: new Map<string, object>([
        [
          'a',
          {
            ...HANDLER,
            class: 'logging.StreamHandler',
            formatter: 'f',
            level: 30,
            debugOnly: true,
            stream: 'ext://sys.stdout',
          },
        ],
        [
          'b',
          {
            ...HANDLER,
            class: 'logging.handlers.SysLogHandler',
            formatter: 'json',
            address: { host: '192.0.2.1', port: 1514 },
            facility: 23,
            filters: ['ours'],
            socktype: 'ext://socket.SOCK_DGRAM',
          },
        ],
        [
          'c',
          {
            ...HANDLER,
            class: 'logging.handlers.SysLogHandler',
            address: { host: 'log', port: 601 },
            facility: 3,
            socktype: 'ext://socket.SOCK_STREAM',
            properties: { ident: 'app: ', appendNul: false },
          },
        ],
        [
          'd',
          {
            ...HANDLER,
            class: 'logging.handlers.WatchedFileHandler',
            filename: 'd.log',
            mode: 'w',
            encoding: 'latin-1',
            errors: 'replace',
            delay: true,
            level: 15,
          },
        ],
      ]),
      loggers: new Map<string, object>([
        ['statelessd.adapter', { level: 50, propagate: false, handlers: ['b', 'a'], filters: ['ours'] }],
        ['quiet', { propagate: true, handlers: [], filters: [] }],
        ['numbered', { level: 50, propagate: true, handlers: [], filters: [] }],
      ]),
      root: { level: -1, handlers: ['a'], filters: [] },
      disableExistingLoggers: false,
      incremental: false,
      warnings: [],
    });
  });

  it('is printed so that it can be read again', () => {
    const read = (text: string): unknown => {
      const result = parseConfig({ name: 'x.yaml', text }, {});
      return result.ok ? { logging: result.config.logging, printed: printConfig(result.config) } : result.problems;
    };
    const once = parseConfig({ name: 'x.yaml', text: `Logging:\n  version: 1${EVERYTHING}` }, {});
    if (!once.ok) throw new Error(once.problems.map(formatProblem).join());
    const printed = printConfig(once.config);
    expect(read(printed)).toEqual({ logging: once.config.logging, printed });
    expect(printed).toContain('level: WARNING');
  });

  it.each([
    ['false', false],
    ['0', false],
    ['0.0', false],
    ['""', false],
    ['[]', false],
    ['{}', false],
    ['1', true],
    ['no', false],
    ['Off', false],
    ['yes', true],
    ['nobody', true],
    ['[0]', true],
  ])('takes propagate: %s as Python’s if does', (value, propagate) => {
    expect(logging(`  loggers: {l: {propagate: ${value}}}\n`)).toMatchObject({
      loggers: new Map([['l', { propagate, handlers: [], filters: [] }]]),
    });
  });

  it.each([
    ['formatters: []', {}],
    ['filters: []', {}],
    ['root: {}', {}],
    ['disable_existing_loggers: 0', { disableExistingLoggers: false }],
    ['disable_existing_loggers: no', { disableExistingLoggers: false }],
    ['disable_existing_loggers:', { disableExistingLoggers: false }],
    ['root: {propagate: true, level: 50}', { root: { level: 50, handlers: [], filters: [] } }],
    ['loggers: {l: {handlers: , filters: ""}}', {}],
    ['incremental: 1', { incremental: true }],
  ])('takes %s', (section, expected) => {
    expect(logging(`  ${section}\n`)).toMatchObject(expected);
    expect(warnings(`  ${section}\n`)).toEqual([]);
  });

  it.each([
    [
      'loggers: {l: {formatter: f}}',
      'Logging.loggers.l.formatter: a logger has no such key in Python; this is ignored',
    ],
    ['loggers: {l: {qualname: x}}', 'Logging.loggers.l.qualname: a logger has no such key in Python; this is ignored'],
    ['custom: 1', 'Logging.custom: Logging has no such key in Python; this is ignored'],
    [
      'formatters: {f: {class: statelessd.JsonFormatter, format: x}}',
      'Logging.formatters.f.format: a JSON line has no format; this is ignored',
    ],
    [
      'handlers: {h: {class: logging.handlers.RotatingFileHandler, filename: f, maxBytes: 1}}',
      'Logging.handlers.h.class: RotatingFileHandler does not rotate here: the file is written as by ' +
        'WatchedFileHandler, and logrotate(8) may rotate it',
    ],
  ])('says what became of %s', (section, warning) => {
    expect(warnings(`  ${section}\n`)).toEqual([warning]);
  });

  it.each([
    [
      'formatters: {f: {format: "%(levelnam)s"}}',
      /formatters\.f\.format: unknown field %\(levelnam\); .*, did you mean levelname\?$/,
    ],
    ['formatters: {f: {format: "50% of %(message)s"}}', /formatters\.f\.format: expected a log format, where each % /],
    ['formatters: {f: {format: "%(message)"}}', /formatters\.f\.format: expected a log format, where each % /],
    ['formatters: {f: {format: "%(message)d"}}', /formatters\.f\.format: %\(message\)d is not for this field; /],
    ['formatters: {f: {format: "%(created)x"}}', /formatters\.f\.format: %\(created\)x is not for this field; /],
    ['formatters: {f: {format: "nothing"}}', /formatters\.f\.format: expected a log format with a field, such as %/],
    ['formatters: {f: {style: "&"}}', /formatters\.f\.style: expected one of %, \{, \$$/],
    ['formatters: {f: {style: "{", format: "{mesage}"}}', /formatters\.f\.format: unknown field \{mesage\}; .*, did /],
    ['formatters: {f: {style: "{", format: "{}"}}', /formatters\.f\.format: unknown field \{\}; /],
    ['formatters: {f: {style: "{", format: "{message} }"}}', /formatters\.f\.format: expected a log format, where \{ /],
    ['formatters: {f: {style: "{", format: "{name.x}"}}', /formatters\.f\.format: \{name\.x\} reaches into a Python /],
    ['formatters: {f: {style: "{", format: "{name:05d}"}}', /formatters\.f\.format: \{name:05d\}: the part after the /],
    ['formatters: {f: {style: "{", format: "{levelno:.3d}"}}', /formatters\.f\.format: \{levelno:\.3d\}: the part /],
    ['formatters: {f: {style: "{", format: "{name!x}"}}', /formatters\.f\.format: expected !r, !s or !a after \{name$/],
    ['formatters: {f: {style: $, format: "$mesage"}}', /formatters\.f\.format: unknown field \$mesage; /],
    [
      'formatters: {f: {style: $, format: "$message $5"}}',
      /formatters\.f\.format: expected a log format, where each \$ /,
    ],
    [
      'formatters: {f: {class: pythonjsonlogger.jsonlogger.JsonFormatter}}',
      /formatters\.f\.class: only Python has this class; expected one of logging\.Formatter, statelessd\.JsonFormatter$/,
    ],
    [
      'formatters: {f: {(): colorlog.ColoredFormatter}}',
      /formatters\.f\.\(\): only Python can call this; expected a class, one of logging\.Formatter, statelessd\./,
    ],
    ['filters: {f: {(): django.utils.log.RequireDebugFalse}}', /filters\.f\.\(\): only Python can call this; /],
    [
      'handlers: {h: {(): watchtower.CloudWatchLogHandler, log_group: x}}',
      /handlers\.h\.\(\): only Python can call this; expected a class, one of logging\.StreamHandler, /,
    ],
    ['filters: {f: text}', /filters\.f: expected a mapping with keys among name, not a string$/],
    ['filters: [ours]', /filters: expected a mapping of filters by name, not a list$/],
    [
      'handlers: {h: }',
      /handlers\.h\.class: expected one of logging\.StreamHandler, logging\.NullHandler, .*, not an empty value$/,
    ],
    ['handlers: {h: console}', /handlers\.h: expected a mapping with a class, not a string$/],
    [
      'handlers: {h: {class: logging.handlers.SMTPHandler}}',
      /handlers\.h\.class: only Python has this class; expected one of logging\.StreamHandler, /,
    ],
    [
      'handlers: {h: {class: logging.FileHandle}}',
      /handlers\.h\.class: expected one of .*, did you mean logging\.File/,
    ],
    [
      'handlers: {h: {class: StreamHandler}}',
      /handlers\.h\.class: expected one of .*, did you mean logging\.StreamHandler\?$/,
    ],
    ['handlers: {h: {class: logging.FileHandler}}', /handlers\.h\.filename: missing; expected a path$/],
    [
      'handlers: {h: {class: logging.FileHandler, filename: f, mode: r}}',
      /handlers\.h\.mode: expected a \(append\) or w \(empty it at a start\)$/,
    ],
    [
      'handlers: {h: {class: logging.FileHandler, filename: f, encoding: ebcdic}}',
      /handlers\.h\.encoding: expected utf-8, latin-1 or ascii$/,
    ],
    ['handlers: {h: {class: logging.StreamHandler, stream: stdout}}', /handlers\.h\.stream: expected one of ext:/],
    [
      'handlers: {h: {class: logging.StreamHandler, stream: ext://flask.logging.wsgi_errors_stream}}',
      /handlers\.h\.stream: only Python has this object; expected ext:\/\/ and one of sys\.stdout, sys\.stderr, /,
    ],
    ['handlers: {h: {class: logging.StreamHandler, level: cfg://x.y}}', /handlers\.h\.level: cfg:\/\/ leads nowhere; /],
    ['handlers: {h: {class: logging.StreamHandler, address: /dev/log}}', /handlers\.h\.address: unknown key; /],
    [
      'handlers: {h: {class: logging.StreamHandler, level: info}}',
      /handlers\.h\.level: expected a level, an integer or one of NOTSET, DEBUG, INFO, /,
    ],
    ['handlers: {h: {class: logging.StreamHandler, level: 1.5}}', /handlers\.h\.level: expected .*, not a number$/],
    [
      'handlers: {h: {class: logging.StreamHandler, formatter: f}}',
      /handlers\.h\.formatter: unknown formatter; there is none$/,
    ],
    [
      'handlers: {h: {class: logging.StreamHandler, filters: [f]}}',
      /handlers\.h\.filters\[0\]: unknown filter; there is none$/,
    ],
    [
      'handlers: {h: {class: logging.handlers.SysLogHandler, address: [localhost]}}',
      /handlers\.h\.address: expected a path or \[host, port\]$/,
    ],
    [
      'handlers: {h: {class: logging.handlers.SysLogHandler, address: [localhost, 0]}}',
      /handlers\.h\.address\[1\]: expected an integer from 1 to 65535$/,
    ],
    [
      'handlers: {h: {class: logging.handlers.SysLogHandler, facility: LOCAL0}}',
      /handlers\.h\.facility: expected a code from 0 to 23 or one of kern, .*, did you mean local0\?$/,
    ],
    ['loggers: {l: {level: VERBOSE}}', /loggers\.l\.level: expected a level, /],
    ['loggers: {l: {handlers: [console]}}', /loggers\.l\.handlers\[0\]: unknown handler; there is none$/],
    ['loggers: {l: {hanlders: [console]}}', /loggers\.l\.hanlders: unknown key; .*, did you mean handlers\?$/],
    ['root: {handlers: [console]}', /root\.handlers\[0\]: unknown handler; there is none$/],
    ['root: {filters: [f]}', /root\.filters\[0\]: unknown filter; there is none$/],
  ])('is refused for %s', (section, problem) => {
    expect(logging(`  ${section}\n`)).toEqual([
      expect.stringMatching(new RegExp(`^x\\.yaml:3: Logging\\.${problem.source}`)),
    ]);
  });

  it('names a misspelled reference’s neighbours, at the line of the reference', () => {
    const section = `
  handlers: {console: {class: logging.StreamHandler}, syslog: {class: logging.handlers.SysLogHandler}}
  loggers:
    statelessd:
      handlers:
        - console
        - sylog
`;
    expect(logging(section)).toEqual([
      'x.yaml:9: Logging.loggers.statelessd.handlers[1]: unknown handler; expected one of console, syslog, did you mean syslog?',
    ]);
  });

  it('does not blame a reference for what is wrong with the handler that it names', () => {
    expect(logging('  handlers: {h: {class: x}}\n  root: {handlers: [h]}\n')).toEqual([
      expect.stringContaining('Logging.handlers.h.class: '),
    ]);
  });

  it('changes no handlers incrementally, for at a start there are none', () => {
    const section = '  handlers: {h: {class: logging.StreamHandler}}\n  incremental: true\n';
    expect(logging(section)).toEqual([expect.stringMatching(/^x\.yaml:4: Logging\.incremental: .*expected false$/)]);
  });

  it('must be of version 1', () => {
    const problems = (text: string) => {
      const result = parseConfig({ name: 'x.yaml', text }, {});
      return result.ok ? [] : result.problems.map(formatProblem);
    };
    expect(problems('Logging: {}')).toEqual(['x.yaml:1: Logging.version: missing; expected 1']);
    expect(problems('Logging: {version: 2}')).toEqual(['x.yaml:1: Logging.version: expected 1']);
    expect(problems('Logging: {version: true}')).toEqual([]);
  });
});

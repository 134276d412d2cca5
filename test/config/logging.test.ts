import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import { formatProblem } from '../../src/config/problem.ts';

/** The logging section, or the problems. */
function logging(section: string): unknown {
  const result = parseConfig({ name: 'x.yaml', text: `Logging:\n  version: 1\n${section}` }, {});
  return result.ok ? result.config.logging : result.problems.map(formatProblem);
}

describe('The logging section', () => {
  it('has Python’s defaults', () => {
    expect(
      logging('  handlers: {a: {class: logging.StreamHandler}, b: {class: logging.handlers.SysLogHandler}}\n'),
    ).toEqual({
      version: 1,
      formatters: new Map(),
      filters: new Map(),
      handlers: new Map<string, object>([
        ['a', { class: 'logging.StreamHandler', level: 'NOTSET', debugOnly: false, stream: 'ext://sys.stderr' }],
        [
          'b',
          {
            class: 'logging.handlers.SysLogHandler',
            level: 'NOTSET',
            debugOnly: false,
            address: { host: 'localhost', port: 514 },
            facility: 'user',
          },
        ],
      ]),
      loggers: new Map(),
      disableExistingLoggers: true,
      incremental: false,
    });
  });

  it('reads everything else', () => {
    const section = `
  formatters: {f: {format: '100%% %(message)s %(msecs)03d %(created).3f', datefmt: '%H'}, plain: }
  filters: {ours: {name: statelessd}}
  handlers:
    a: {class: logging.StreamHandler, formatter: f, level: WARN, debug_only: true, stream: ext://sys.stdout}
    b: {class: logging.handlers.SysLogHandler, formatter: plain, address: [192.0.2.1, 1514], facility: local7}
  loggers: {statelessd.adapter: {level: FATAL, propagate: false, handlers: [b, a]}, quiet: }
  root: {level: DEBUG, handlers: [a]}
  disable_existing_loggers: false
  incremental: true
`;
    expect(logging(section)).toEqual({
      version: 1,
      formatters: new Map<string, object>([
        ['f', { format: '100%% %(message)s %(msecs)03d %(created).3f', datefmt: '%H' }],
        ['plain', { format: '%(message)s' }],
      ]),
      filters: new Map([['ours', { name: 'statelessd' }]]),
      handlers: new Map<string, object>([
        [
          'a',
          {
            class: 'logging.StreamHandler',
            formatter: 'f',
            level: 'WARNING',
            debugOnly: true,
            stream: 'ext://sys.stdout',
          },
        ],
        [
          'b',
          {
            class: 'logging.handlers.SysLogHandler',
            formatter: 'plain',
            level: 'NOTSET',
            debugOnly: false,
            address: { host: '192.0.2.1', port: 1514 },
            facility: 'local7',
          },
        ],
      ]),
      loggers: new Map<string, object>([
        ['statelessd.adapter', { level: 'CRITICAL', propagate: false, handlers: ['b', 'a'] }],
        ['quiet', { propagate: true, handlers: [] }],
      ]),
      root: { level: 'DEBUG', handlers: ['a'] },
      disableExistingLoggers: false,
      incremental: true,
    });
  });

  it.each([
    [
      'formatters: {f: {format: "%(levelnam)s"}}',
      /formatters\.f\.format: unknown field %\(levelnam\); .*, did you mean levelname\?$/,
    ],
    ['formatters: {f: {format: "50% of %(message)s"}}', /formatters\.f\.format: expected a log format, where each % /],
    ['formatters: {f: {format: "%(message)"}}', /formatters\.f\.format: expected a log format, where each % /],
    ['formatters: {f: {style: "{"}}', /formatters\.f\.style: unknown key; expected one of format, datefmt$/],
    ['formatters: []', /formatters: expected a mapping of formatters by name, not a list$/],
    ['filters: [ours]', /filters: expected a mapping of filters by name, not a list$/],
    [
      'handlers: {h: }',
      /handlers\.h\.class: expected one of logging\.StreamHandler, logging\.handlers\.SysLogHandler, not an empty value$/,
    ],
    ['handlers: {h: console}', /handlers\.h: expected a mapping with a class, not a string$/],
    ['handlers: {h: {class: logging.FileHandler}}', /handlers\.h\.class: expected one of logging\.StreamHandler, /],
    ['handlers: {h: {class: logging.StreamHandler, stream: stdout}}', /handlers\.h\.stream: expected one of ext:/],
    ['handlers: {h: {class: logging.StreamHandler, address: /dev/log}}', /handlers\.h\.address: unknown key; /],
    [
      'handlers: {h: {class: logging.StreamHandler, level: info}}',
      /handlers\.h\.level: expected a level, one of NOTSET, DEBUG, INFO, /,
    ],
    [
      'handlers: {h: {class: logging.StreamHandler, formatter: f}}',
      /handlers\.h\.formatter: unknown formatter; there is none$/,
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
      /handlers\.h\.facility: expected one of kern, .*, did you mean local0\?$/,
    ],
    ['loggers: {l: {level: VERBOSE}}', /loggers\.l\.level: expected a level, /],
    ['loggers: {l: {handlers: [console]}}', /loggers\.l\.handlers\[0\]: unknown handler; there is none$/],
    ['root: {handlers: [console]}', /root\.handlers\[0\]: unknown handler; there is none$/],
    ['root: {propagate: true}', /root\.propagate: unknown key; expected one of level, handlers$/],
    ['incremental: 2', /incremental: expected true or false, not an integer$/],
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

  it('must be of version 1', () => {
    const problems = (text: string) => {
      const result = parseConfig({ name: 'x.yaml', text }, {});
      return result.ok ? [] : result.problems.map(formatProblem);
    };
    expect(problems('Logging: {}')).toEqual(['x.yaml:1: Logging.version: missing; expected 1']);
    expect(problems('Logging: {version: 2}')).toEqual(['x.yaml:1: Logging.version: expected 1']);
  });
});

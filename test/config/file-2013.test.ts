import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { defaultConfig } from '../../src/config/parse.ts';

const path = new URL('../fixtures/statelessd-2013.yaml', import.meta.url).pathname;

describe('The file of 2013', () => {
  it('is read as it always was, with defaults for what is new', () => {
    const defaults = defaultConfig();
    const both = { propagate: true, handlers: ['console', 'syslog'], filters: [] };
    const percent = { class: 'logging.Formatter', style: '%', validate: true, defaults: new Map() };
    expect(loadConfig(path, {})).toEqual({
      ok: true,
      warnings: [],
      config: {
        daemon: { pidfile: '/var/run/statelessd/statelessd.pid', user: 'nginx' },
        application: {
          ...defaults.application,
          paths: { static: '/usr/share/statelessd/static', templates: '/usr/share/statelessd/templates' },
        },
        httpServer: { ...defaults.httpServer, ports: [8000, 8001, 8002, 8003, 8004] },
        routes: [
          {
            pattern: '/([^/]+)/([^/]+)/([^/]+)',
            regexp: /^(?:\/([^/]+)\/([^/]+)\/([^/]+))$/u,
            handler: 'Publisher',
            line: 23,
          },
          { pattern: '/stats', regexp: /^(?:\/stats)$/u, handler: 'Stats', line: 24 },
          { pattern: '/', regexp: /^(?:\/)$/u, handler: 'Dashboard', line: 25 },
        ],
        logging: {
          version: 1,
          formatters: new Map([
            [
              'verbose',
              {
                format:
                  '%(levelname) -10s %(asctime)s %(process)-6d %(processName) -35s %(threadName) -25s %(name) -35s %(funcName) -30s: %(message)s',
                datefmt: '%Y-%m-%d %H:%M:%S',
                ...percent,
              },
            ],
            [
              'syslog',
              {
                format: ' %(levelname)s <PID %(process)d:%(processName)s> %(name)s.%(funcName)s(): %(message)s',
                ...percent,
              },
            ],
          ]),
          filters: new Map(),
          handlers: new Map<string, object>([
            [
              'console',
              {
                class: 'logging.StreamHandler',
                formatter: 'verbose',
                level: 0,
                filters: [],
                debugOnly: false,
                stream: 'ext://sys.stderr',
              },
            ],
            [
              'syslog',
              {
                class: 'logging.handlers.SysLogHandler',
                formatter: 'syslog',
                level: 0,
                filters: [],
                debugOnly: false,
                address: '/dev/log',
                facility: 3,
                socktype: 'ext://socket.SOCK_DGRAM',
              },
            ],
          ]),
          loggers: new Map([
            ['clihelper', { level: 30, ...both }],
            ['pika', { level: 20, ...both }],
            ['statelessd', { level: 20, ...both }],
            ['tinman', { level: 20, ...both }],
            ['tornado', { level: 30, ...both }],
          ]),
          disableExistingLoggers: true,
          incremental: false,
          warnings: [],
        },
      },
    });
  });
});

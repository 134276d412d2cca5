import { describe, expect, it } from 'vitest';
import { defaultConfig, parseConfig } from '../../src/config/parse.ts';
import { formatProblem } from '../../src/config/problem.ts';

const MiB = 1024 * 1024;

describe('The default configuration', () => {
  it('has the documented values, times in milliseconds and sizes in bytes', () => {
    expect(defaultConfig()).toStrictEqual({
      daemon: {},
      application: {
        debug: false,
        xsrfCookies: false,
        paths: {},
        rabbitmq: {
          hosts: [{ host: 'localhost', port: 5672 }],
          heartbeatSeconds: 10,
          connectTimeoutMs: 3000,
          idleTimeoutMs: 600_000,
          credentialsTtlMs: 300_000,
          maxConnections: 512,
          loopbackUsers: ['guest'],
        },
        publishing: {
          publishTimeoutMs: 4500,
          asyncTimeoutMs: 60_000,
          clientGone: 'deliver',
          deliveryMode: 1,
          unroutable: 'report',
          maxHeldMessages: 10_000,
          maxHeldBytes: 64 * MiB,
          maxInFlight: 2000,
          maxBatch: 10_000,
          ignoreReturnsOf: [],
        },
      },
      httpServer: {
        ports: [8000],
        workers: 1,
        address: '::',
        sockets: [],
        noKeepAlive: false,
        xheaders: false,
        trustedProxies: ['loopback', 'private'],
        origins: [],
        hosts: [],
        maxConnections: 10_000,
        maxBodySizeBytes: 10 * MiB,
        headersTimeoutMs: 10_000,
        requestTimeoutMs: 30_000,
        keepAliveTimeoutMs: 75_000,
        drainTimeoutMs: 10_000,
        shutdownDelayMs: 0,
        operations: { allow: ['loopback', 'private'] },
      },
    });
  });

  it.each([
    ['an empty mapping', '{}\n'],
    ['sections with nothing below them', 'Daemon:\nApplication:\nHTTPServer:\nRoutes:\nLogging:\n'],
    [
      'keys with nothing after them',
      'HTTPServer:\n  ports:\n  operations:\nApplication: {rabbitmq: {host: , port: ~}}',
    ],
    ['a table without routes', 'Routes: []'],
  ])('serves for %s', (_, text) => {
    expect(parseConfig({ name: 'x.yaml', text }, {})).toEqual({ ok: true, config: defaultConfig(), warnings: [] });
  });

  it.each([
    ['no bytes', ''],
    ['blank lines', '\n\n'],
    ['comments', '# nothing\n'],
    ['a document without content', '%YAML 1.2\n---\n'],
    ['null', '---\n~\n'],
  ])('never serves for a file of %s, which may be one that was cut short', (_, text) => {
    const result = parseConfig({ name: 'x.yaml', text }, { STATELESSD__HTTPSERVER__WORKERS: '2' });
    expect(result.ok ? [] : result.problems.map(formatProblem)).toEqual([
      'x.yaml: the file is empty; expected at least one section, or {} for the defaults',
    ]);
  });
});

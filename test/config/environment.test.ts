import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { defaultConfig, parseConfig } from '../../src/config/parse.ts';
import { printConfig } from '../../src/config/print.ts';
import { formatProblem } from '../../src/config/problem.ts';

function configured(env: Record<string, string>, text?: string): object {
  const result = parseConfig(text === undefined ? undefined : { name: 'x.yaml', text }, env);
  return result.ok ? result.config : result.problems.map(formatProblem);
}

describe('The environment', () => {
  it('alone is enough', () => {
    const config = configured({
      STATELESSD__DAEMON__USER: 'nginx',
      STATELESSD__APPLICATION__DEBUG: 'true',
      STATELESSD__APPLICATION__PATHS__STATIC: '/srv/static',
      STATELESSD__APPLICATION__RABBITMQ__HOST: 'rabbit',
      STATELESSD__APPLICATION__RABBITMQ__PORT: '5673',
      STATELESSD__APPLICATION__RABBITMQ__TLS__CA: '/etc/ca.pem',
      STATELESSD__APPLICATION__RABBITMQ__TLS__VERIFY: 'no',
      STATELESSD__APPLICATION__RABBITMQ__LOOPBACK_USERS: '[]',
      STATELESSD__APPLICATION__PUBLISHING__PUBLISH_TIMEOUT: '.5',
      STATELESSD__APPLICATION__PUBLISHING__DELIVERY_MODE: '2',
      STATELESSD__APPLICATION__PUBLISHING__MAX_HELD_BYTES: '1GiB',
      STATELESSD__HTTPSERVER__PORTS: '8000, 8001,',
      STATELESSD__HTTPSERVER__MAX_BODY_SIZE: '1048576',
      STATELESSD__HTTPSERVER__OPERATIONS__ALLOW: '["10.0.0.0/8", loopback]',
      STATELESSD__ROUTES: '[[/stats, statelessd.Stats]]',
      STATELESSD__LOGGING: '{"version": 1, "root": {"level": "INFO"}}',
    });
    expect(config).toMatchObject({
      daemon: { user: 'nginx' },
      application: {
        debug: true,
        paths: { static: '/srv/static' },
        rabbitmq: {
          hosts: [{ host: 'rabbit', port: 5673 }],
          tls: { ca: '/etc/ca.pem', verify: false },
          loopbackUsers: [],
        },
        publishing: { publishTimeoutMs: 500, deliveryMode: 2, maxHeldBytes: 1024 ** 3 },
      },
      httpServer: {
        ports: [8000, 8001],
        maxBodySizeBytes: 1_048_576,
        operations: { allow: ['10.0.0.0/8', 'loopback'] },
      },
      routes: [{ pattern: '/stats', handler: 'Stats', line: 1 }],
      logging: { root: { level: 20 } },
    });
  });

  it('has a variable for every key that has a default', () => {
    const variables = (tree: object, name: string): [string, string][] =>
      Object.entries(tree).flatMap(([key, value]: [string, unknown]) => {
        const below = `${name}__${key.toUpperCase()}`;
        if (Array.isArray(value)) return [[below, value.join(',') || '[]']];
        return typeof value === 'object' && value !== null ? variables(value, below) : [[below, String(value)]];
      });
    const all = variables(parse(printConfig(defaultConfig())), 'STATELESSD');
    expect(all).toContainEqual(['STATELESSD__HTTPSERVER__OPERATIONS__ALLOW', 'loopback,private']);
    const others =
      'Application: {debug: true}\nHTTPServer: {ports: [1], sockets: [/x], workers: 9, max_body_size: 1}\n';
    expect(configured(Object.fromEntries(all), others)).toEqual(defaultConfig());
  });

  it('beats the file key by key, and the file beats the defaults', () => {
    const text = 'HTTPServer: {ports: [1], workers: 2}\nApplication: {debug: true}\nRoutes: [[/, statelessd.Stats]]\n';
    const env = { STATELESSD__HTTPSERVER__PORTS: '3', STATELESSD__ROUTES: '[[/x, statelessd.Stats]]' };
    expect(configured(env, text)).toMatchObject({
      application: { debug: true },
      httpServer: { ports: [3], workers: 2, address: '::' },
      routes: [{ pattern: '/x' }],
    });
  });

  it('mends a file’s mistake in the same key', () => {
    expect(configured({ STATELESSD__HTTPSERVER__PORTS: '3' }, 'HTTPServer: {ports: x}')).toMatchObject({
      httpServer: { ports: [3] },
    });
    expect(configured({ STATELESSD__HTTPSERVER__PORTS: '3' }, 'HTTPServer: x')).toEqual([
      expect.stringMatching(/^x\.yaml:1: HTTPServer: expected a mapping .*, not a string$/),
    ]);
  });

  it.each(['true', 'TRUE', 'Yes', '1', ' true '])('reads %j as true', (value) => {
    expect(configured({ STATELESSD__HTTPSERVER__XHEADERS: value })).toMatchObject({ httpServer: { xheaders: true } });
  });

  it.each(['false', 'False', 'NO', '0'])('reads %j as false', (value) => {
    const text = 'HTTPServer: {xheaders: true}';
    expect(configured({ STATELESSD__HTTPSERVER__XHEADERS: value }, text)).toMatchObject({
      httpServer: { xheaders: false },
    });
  });

  it('says nothing where a variable is empty', () => {
    const env = { STATELESSD__HTTPSERVER__PORTS: '', STATELESSD__DAEMON__USER: ' ', STATELESSD__LOGGING: '\n' };
    expect(configured(env)).toEqual(defaultConfig());
    expect(configured(env, 'HTTPServer: {ports: [1]}')).toMatchObject({ httpServer: { ports: [1] } });
  });

  it('may hold what is not ours', () => {
    expect(configured({ PATH: '/bin', STATELESSD_PORT: 'tcp://10.0.0.1:80', HTTPSERVER__PORTS: 'x' })).toEqual(
      defaultConfig(),
    );
  });

  it('is refused by the variable’s name, with what was expected', () => {
    expect(
      configured({
        STATELESSD__APPLICATION__DEBUG: 'maybe',
        STATELESSD__HTTPSERVER__PORTS: '8000,http',
        STATELESSD__HTTPSERVER__WORKERS: '0x',
        STATELESSD__APPLICATION__RABBITMQ__CONNECT_TIMEOUT: '0',
        STATELESSD__HTTPSERVER__MAX_BODY_SIZE: '65MiB',
        STATELESSD__HTTPSERVER__TLS__CERT: '/c.pem',
      }),
    ).toEqual([
      'STATELESSD__APPLICATION__DEBUG: Application.debug: expected true or false',
      'STATELESSD__APPLICATION__RABBITMQ__CONNECT_TIMEOUT: Application.rabbitmq.connect_timeout: expected seconds, a number from 0.001 to 1000000',
      'STATELESSD__HTTPSERVER__PORTS: HTTPServer.ports[1]: expected an integer from 1 to 65535',
      'STATELESSD__HTTPSERVER__WORKERS: HTTPServer.workers: expected an integer from 1 to 1024',
      'STATELESSD__HTTPSERVER__TLS__CERT: HTTPServer.tls.key: missing; expected a path',
      'STATELESSD__HTTPSERVER__MAX_BODY_SIZE: HTTPServer.max_body_size: expected less than Application.publishing.max_held_bytes, 64MiB',
    ]);
  });

  it.each([
    ['STATELESSD__HTTPSERVER__PORT', 'STATELESSD__HTTPSERVER__PORTS'],
    ['STATELESSD__HTTP_SERVER__PORTS', 'STATELESSD__HTTPSERVER__PORTS'],
    ['STATELESSD__RABBITMQ__HOST', 'STATELESSD__APPLICATION__RABBITMQ__HOST'],
    ['STATELESSD__DAEMON__user', 'STATELESSD__DAEMON__USER'],
  ])('is refused for the unknown %s, even empty; the nearest is %s', (name, nearest) => {
    expect(configured({ [name]: '' })).toEqual([`${name}: unknown variable; the nearest is ${nearest}`]);
  });

  it('separates items by commas, but for those within a regular expression', () => {
    const variable = 'STATELESSD__APPLICATION__PUBLISHING__IGNORE_RETURNS_OF';
    expect(configured({ [variable]: 'delayed, /^a{1,2}$/,/b\\/,c/' })).toMatchObject({
      application: {
        publishing: { ignoreReturnsOf: [{ text: 'delayed' }, { text: '/^a{1,2}$/' }, { text: '/b\\/,c/' }] },
      },
    });
    const sockets = { STATELESSD__HTTPSERVER__SOCKETS: '/run/a.sock,/run/b.sock,' };
    expect(configured(sockets)).toMatchObject({ httpServer: { sockets: ['/run/a.sock', '/run/b.sock'] } });
  });

  it('has lines where a variable is YAML', () => {
    const routes = '- [/, statelessd.Stats]\n- [/x, statelessd.Stat]\n';
    expect(configured({ STATELESSD__ROUTES: routes })).toEqual([
      expect.stringMatching(
        /^STATELESSD__ROUTES:2: Routes\[1\]\[1\]: unknown handler; .*, did you mean statelessd\.Stats\?$/,
      ),
    ]);
    expect(configured({ STATELESSD__LOGGING: 'version: 1\nroot: {\n' })).toEqual([
      expect.stringMatching(/^STATELESSD__LOGGING:\d: Logging: not valid YAML: /),
    ]);
    expect(configured({ STATELESSD__LOGGING: 'version: 1\nversion: 1\n' })).toEqual([
      'STATELESSD__LOGGING:2: Logging.version: duplicate key, first on line 1',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import { printConfig } from '../../src/config/print.ts';
import { formatProblem } from '../../src/config/problem.ts';

interface Outcome {
  readonly config?: unknown;
  readonly warnings?: readonly string[];
  readonly problems?: readonly string[];
}

function read(text: string, env: Record<string, string> = {}): Outcome {
  const result = parseConfig({ name: 'x.yaml', text }, env);
  if (!result.ok) return { problems: result.problems.map(formatProblem) };
  return { config: result.config, warnings: result.warnings.map(formatProblem) };
}

const logging = `
Logging:
  version: 1
  formatters:
    verbose: {format: '%(levelname) -10s %(asctime)s %(name) -35s: %(message)s'}
  handlers:
    console: {class: logging.StreamHandler, formatter: verbose, debug_only: True}
  loggers:
    statelessd: {handlers: [console], level: INFO, propagate: True}
  disable_existing_loggers: True
`;

describe('A file that somebody wrote for the Python stack', () => {
  it('as the project’s own example of 28 March 2013, relative paths and all', () => {
    const { config, warnings } = read(`%YAML 1.2
---
Daemon:
  pidfile: /var/run/statelessd/statelessd.pid
  user: nginx

Application:
  debug: False
  xsrf_cookies: false
  paths:
    base: /home/app/statelessd
    static: static
    templates: templates
  rabbitmq:
    host: localhost
    port: 5672

HTTPServer:
  no_keep_alive: false
  ports: [8000] #, 8001, 8002, 8003, 8004]
  xheaders: false

Routes:
 - ['/([^/]+)/([^/]+)/([^/]+)', statelessd.Publisher]
 - [/stats, statelessd.Stats]
 - [/, statelessd.Dashboard]
${logging}`);
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      application: { paths: { base: '/home/app/statelessd', static: 'static', templates: 'templates' } },
      httpServer: { ports: [8000] },
    });
  });

  it('with everything from Tinman’s own example above the routes: each key that does nothing has one warning', () => {
    const { config, warnings } = read(`%YAML 1.2
---
Application:
  cookie_secret: fc360bf9-979d-4de6-b97c-aff68e856191
  debug: true
  session:
    adapter:
      class: RedisSessionHandler
      redis: {host: localhost, port: 6379, db: 0}
    cookie: {name: session}
    duration: 3600
  redis: {host: localhost, port: 6379, db: 0}
  stats_port: 9090
  xsrf_cookies: false
  wake_interval: 60
  whitelist:
    - 10.0.0.0/8
    - 192.168.1.0/24

Daemon:
    pidfile: /tmp/myapp.pid

HTTPServer:
  no_keep_alive: false
  ports: [8000, 8001, 8002]
  xheaders: true
${logging}`);
    expect(config).toMatchObject({
      daemon: { pidfile: '/tmp/myapp.pid' },
      application: { debug: true },
      httpServer: { ports: [8000, 8001, 8002], xheaders: true },
    });
    expect(warnings).toEqual([
      'x.yaml:4: Application.cookie_secret: not used: no cookie is signed',
      'x.yaml:6: Application.session: not used: there are no sessions',
      'x.yaml:12: Application.redis: not used: nothing connects to Redis',
      'x.yaml:13: Application.stats_port: not used: /stats is served on every port',
      'x.yaml:15: Application.wake_interval: not used: nothing is done at intervals',
      'x.yaml:16: Application.whitelist: not used: HTTPServer.operations.allow says who may read /stats; RabbitMQ, who may publish',
    ]);
  });

  it('with a group, and a pidfile named after the program', () => {
    const { config, warnings } = read(
      'Daemon:\n  user: www-data\n  group: www-data\n  pidfile: /var/run/%(app)s.pid\n  prevent_core: yes\n',
    );
    expect(config).toMatchObject({
      daemon: { user: 'www-data', group: 'www-data', pidfile: '/var/run/tinman.pid' },
    });
    expect(warnings).toEqual([
      'x.yaml:5: Daemon.prevent_core: not used: whoever starts statelessd limits core files (ulimit -c 0)',
    ]);
  });

  it.each(['none', 'optional', 'required'])('with HTTPS that asks for client certificates: %s', (cert_reqs) => {
    const { config, warnings } = read(`
HTTPServer:
  ports: [8443]
  ssl_options:
    certfile: /etc/pki/server.crt
    keyfile: /etc/pki/server.key
    cert_reqs: ${cert_reqs}
    ca_certs: /etc/pki/ca.crt
`);
    const clientCa = cert_reqs === 'none' ? {} : { clientCa: '/etc/pki/ca.crt' };
    expect(config).toMatchObject({
      httpServer: { tls: { cert: '/etc/pki/server.crt', key: '/etc/pki/server.key', clientCert: cert_reqs } },
    });
    expect(config).toHaveProperty('httpServer.tls', {
      cert: '/etc/pki/server.crt',
      key: '/etc/pki/server.key',
      clientCert: cert_reqs,
      ...clientCa,
    });
    expect(warnings).toEqual(
      cert_reqs === 'none'
        ? ['x.yaml:8: HTTPServer.ssl_options.ca_certs: not used: cert_reqs asks for no certificate']
        : [],
    );
  });

  it('with a certificate that holds its key, and options of Python’s ssl module', () => {
    const { config, warnings } = read(
      'HTTPServer:\n  ssl_options: {certfile: /etc/both.pem, keyfile: , ssl_version: 3, ciphers: HIGH}\n',
    );
    expect(config).toMatchObject({ httpServer: { tls: { cert: '/etc/both.pem', key: '/etc/both.pem' } } });
    expect(warnings).toEqual([
      'x.yaml:2: HTTPServer.ssl_options.ciphers: not used: they are Node’s',
      'x.yaml:2: HTTPServer.ssl_options.ssl_version: not used: TLS 1.2 and 1.3 are served',
    ]);
  });

  it('with mistakes in ssl_options: they are named as the file has them', () => {
    expect(
      read('HTTPServer:\n  ssl_options:\n    certfile: [a]\n    cert_reqs: CERT_REQUIRED\n    ca_cert: x\n').problems,
    ).toEqual([
      'x.yaml:3: HTTPServer.ssl_options.certfile: expected a path, not a list',
      'x.yaml:4: HTTPServer.ssl_options.cert_reqs: expected one of none, optional, required',
      expect.stringMatching(/^x\.yaml:5: HTTPServer\.ssl_options\.ca_cert: unknown key; /),
    ]);
    expect(read('HTTPServer:\n  ssl_options:\n    keyfile: a\n').problems).toEqual([
      'x.yaml:2: HTTPServer.ssl_options.certfile: missing; expected a path',
    ]);
    expect(read('HTTPServer:\n  ssl_options: {certfile: a, cert_reqs: required}\n').problems).toEqual([
      'x.yaml:2: HTTPServer.ssl_options.cert_reqs: expected the authorities to trust with it, in client_ca (ca_certs in ssl_options)',
    ]);
    expect(read('HTTPServer:\n  ssl_options: yes\n').problems).toEqual([
      expect.stringMatching(/^x\.yaml:2: HTTPServer\.ssl_options: expected a mapping .*, not a string$/),
    ]);
    expect(read('HTTPServer:\n  ssl_options: ~\n')).toMatchObject({ warnings: [] });
  });

  it('with both the old name and the new one: the new one counts', () => {
    const { config, warnings } = read(
      'HTTPServer:\n  ssl_options: {certfile: a}\n  tls: {cert: b, key: c}\nApplication:\n  static_path: d\n  paths: {static: e}\n',
    );
    expect(config).toMatchObject({
      httpServer: { tls: { cert: 'b', key: 'c' } },
      application: { paths: { static: 'e' } },
    });
    expect(warnings).toEqual([
      'x.yaml:2: HTTPServer.ssl_options: not used: tls says otherwise',
      'x.yaml:5: Application.static_path: not used: paths.static says otherwise',
    ]);
  });

  it('with every shape of a route that Tinman had', () => {
    const { config, warnings } = read(`
Routes:
  -
    - re
    - /([a-z]{1,3}|%2f)/([^/]+)/([^/]*)
    - statelessd.Publisher
  - [re, /stats, statelessd.Stats, {}]
  - [/status, statelessd.Stats, {verbose: true}]
  - [re, /health, statelessd.Health, {path: /var/www}]
  - [/, statelessd.Dashboard, ]
`);
    expect(config).toMatchObject({
      routes: [
        { pattern: '/([a-z]{1,3}|%2f)/([^/]+)/([^/]*)', handler: 'Publisher', line: 4 },
        { pattern: '/stats', handler: 'Stats', line: 7 },
        { pattern: '/status', handler: 'Stats', line: 8 },
        { pattern: '/health', handler: 'Health', line: 9 },
        { pattern: '/', handler: 'Dashboard', line: 10 },
      ],
    });
    expect(warnings).toEqual([
      'x.yaml:8: Routes[2][2]: not used: statelessd’s handlers have no settings',
      'x.yaml:9: Routes[3][3]: not used: statelessd’s handlers have no settings',
    ]);
  });

  it('with routes to handlers that only Python has: each is refused at its line, whatever its shape', () => {
    expect(
      read(`
Routes:
  - [/images/(.*), tornado.web.StaticFileHandler, {path: /var/www}]
  - [re, '/(', statelessd.Stats]
  - [re, /x, statelessd.Stat]
  - [/y, statelessd.Stats, settings]
`).problems,
    ).toEqual([
      expect.stringMatching(/^x\.yaml:3: Routes\[0\]\[1\]: unknown handler; /),
      'x.yaml:4: Routes[1][1]: expected a regular expression; this one has a mistake: Unterminated group',
      expect.stringMatching(/^x\.yaml:5: Routes\[2\]\[2\]: unknown handler; .*, did you mean statelessd\.Stats\?$/),
      'x.yaml:6: Routes[3]: expected [regular expression, handler]',
    ]);
  });

  it.each([
    ['/srv/app', '"{{base}}/static"', '/srv/app/static'],
    ['/srv/app/', '"{{base}}static"', '/srv/app/static'],
    ['app', '"{{base}}/static"', './static'],
    ['/v1', '"/opt{{base}}/static"', '/opt/v1/static'],
    ['', '"{{base}}/static"', './static'],
  ])('with {{base}} of %j in a path: %s', (base, path, expected) => {
    const text = `Application:\n  paths:\n    ${base ? `base: ${base}\n    ` : ''}static: ${path}\n    translations: x\n`;
    const { config, warnings } = read(text);
    expect(config).toHaveProperty('application.paths.static', expected);
    expect(warnings).toEqual([
      expect.stringMatching(/Application\.paths\.translations: not used: nothing is rendered on the server$/),
    ]);
  });

  it('with the credentials of a program that published itself: warned of, and shown nowhere', () => {
    const result = read(`
Application:
  cookie_secret: s3cret
  facebook_secret: s3cret
  google_oauth: {key: s3cret, secret: s3cret}
  rabbitmq:
    host: rabbit
    virtual_host: /s3cret
    username: s3cret
    password: s3cret
    heartbeat_interval: 5
    ssl: no
`);
    expect(result.config).toMatchObject({ application: { rabbitmq: { hosts: [{ host: 'rabbit', port: 5672 }] } } });
    expect(result.warnings?.map((each) => each.split(': ')[1])).toEqual([
      'Application.cookie_secret',
      'Application.facebook_secret',
      'Application.google_oauth',
      'Application.rabbitmq.virtual_host',
      'Application.rabbitmq.username',
      'Application.rabbitmq.password',
      'Application.rabbitmq.heartbeat_interval',
    ]);
    expect(JSON.stringify(result)).not.toContain('s3cret');
  });

  it('with Tornado’s settings: those that ask for what is so anyway are not even warned of', () => {
    const settings = `
Application:
  gzip: no
  autoreload: False
  serve_traceback: off
  static_url_prefix: /static/
  login_url: ~
  static_path: /srv/static
  template_path: /srv/templates
`;
    const { config, warnings } = read(settings);
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      application: { paths: { static: '/srv/static', templates: '/srv/templates' } },
    });
    const others = read(`
Application:
  gzip: on
  autoreload: yes
  login_url: /login
  static_url_prefix: /s/
  transforms: [app.Transform]
  ui_modules: app.modules
  template_loader: app.Loader
  autoescape: null
  default_host: example.com
HTTPServer: {xheaders: on, max_buffer_size: 104857600, num_processes: 4, protocol: https}
`);
    expect(others.warnings?.map((each) => each.split(': ').slice(1, 3).join(': '))).toEqual([
      'Application.gzip: not used',
      'Application.autoreload: not used',
      'Application.login_url: not used',
      'Application.static_url_prefix: not used',
      'Application.transforms: not used',
      'Application.ui_modules: not used',
      'Application.template_loader: not used',
      'Application.default_host: not used',
      'HTTPServer.max_buffer_size: not used',
      'HTTPServer.num_processes: not used',
      'HTTPServer.protocol: not used',
    ]);
  });

  it('with a place for anchors, from which sections are merged', () => {
    const { config, warnings } = read(`
common: &common {no_keep_alive: no, xheaders: yes}
HTTPServer:
  <<: *common
  ports: ["8000", "8001"]
`);
    expect(config).toMatchObject({ httpServer: { ports: [8000, 8001], xheaders: true, noKeepAlive: false } });
    expect(warnings).toEqual(['x.yaml:2: common: not used, but for its anchors']);
    expect(read('HTTPServr: &h {ports: [1]}\nHTTPServer: *h\n').problems).toEqual([
      expect.stringMatching(/^x\.yaml:1: HTTPServr: unknown key; .*, did you mean HTTPServer\?$/),
    ]);
    expect(read('common: {ports: [1]}\n').problems).toEqual([expect.stringMatching(/^x\.yaml:1: common: unknown key/)]);
  });

  it('with a word that neither 2013 nor statelessd knows: refused, beside what would be a warning', () => {
    expect(
      read('Application:\n  cookie_secret: s3cret\n  cookie_secrt: s3cret\n  rabitmq: {}\nHTTPServer:\n  port: 80\n')
        .problems,
    ).toEqual([
      expect.stringMatching(/^x\.yaml:3: Application\.cookie_secrt: unknown key; expected one of [^']*$/),
      expect.stringMatching(/^x\.yaml:4: Application\.rabitmq: unknown key; .*, did you mean rabbitmq\?$/),
      expect.stringMatching(/^x\.yaml:6: HTTPServer\.port: unknown key; .*, did you mean ports\?$/),
    ]);
  });

  it('with its old names under new variables: the environment beats it key by key', () => {
    const { config, warnings } = read('HTTPServer:\n  ssl_options: {certfile: a, keyfile: b}\n', {
      STATELESSD__HTTPSERVER__TLS__KEY: 'c',
      STATELESSD__APPLICATION__PATHS__BASE: '/srv',
      STATELESSD__APPLICATION__PATHS__STATIC: '{{base}}/s',
      STATELESSD__HTTPSERVER__XHEADERS: 'on',
    });
    expect(config).toMatchObject({
      httpServer: { tls: { cert: 'a', key: 'c' }, xheaders: true },
      application: { paths: { static: '/srv/s' } },
    });
    expect(warnings).toEqual([]);
    expect(read('{}', { STATELESSD__APPLICATION__COOKIE_SECRET: 's3cret' }).problems).toEqual([
      expect.stringMatching(/^STATELESSD__APPLICATION__COOKIE_SECRET: unknown variable; /),
    ]);
  });

  it('is printed in today’s keys, and read again without a warning', () => {
    const text = `
Application: {gzip: yes, static_path: /s}
HTTPServer: {ssl_options: {certfile: a, keyfile: b, ca_certs: c, cert_reqs: required}}
Routes: [[re, /stats, statelessd.Stats, {a: b}]]
`;
    const first = parseConfig({ name: 'x.yaml', text }, {});
    if (!first.ok) throw new Error(first.problems.map(formatProblem).join('\n'));
    const printed = printConfig(first.config);
    expect(read(printed)).toMatchObject({ warnings: [], config: { httpServer: first.config.httpServer } });
    expect(printed).toContain('  tls:\n    cert: a\n    key: b\n    client_ca: c\n    client_cert: required\n');
  });
});

describe('HTTPServer.tls', () => {
  it('with authorities that no client is checked against has a warning', () => {
    const { warnings } = read('HTTPServer:\n  tls: {cert: a, key: b, client_ca: c}\n');
    expect(warnings).toEqual([
      'x.yaml:2: HTTPServer.tls.client_ca: not used: client_cert is none, so no client is asked for a certificate',
    ]);
  });

  it('that asks for certificates needs the authorities', () => {
    expect(read('HTTPServer:\n  tls: {cert: a, key: b, client_cert: optional}\n').problems).toEqual([
      'x.yaml:2: HTTPServer.tls.client_cert: expected the authorities to trust with it, in client_ca (ca_certs in ssl_options)',
    ]);
    expect(read('HTTPServer:\n  tls: {cert: a, key: b, client_ca: c, client_cert: yes}\n').problems).toEqual([
      'x.yaml:2: HTTPServer.tls.client_cert: expected one of none, optional, required',
    ]);
  });
});

describe('Logging', () => {
  it('that disables the gateway’s own logger, as Python’s default does, has a warning', () => {
    const section = (more: string): string => `Logging:\n  version: 1\n  root: {level: INFO}\n${more}`;
    const advice =
      'Logging.disable_existing_loggers: true, and loggers has no statelessd: the gateway itself logs nothing, as in Python';
    expect(read(section('')).warnings).toEqual([`x.yaml:1: ${advice}`]);
    expect(read(section('  disable_existing_loggers: yes\n')).warnings).toEqual([`x.yaml:4: ${advice}`]);
    for (const more of ['disable_existing_loggers: no', 'incremental: yes', 'loggers: {statelessd: {level: INFO}}'])
      expect(read(section(`  ${more}\n`)).warnings).toEqual([]);
  });
});

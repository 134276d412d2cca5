import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { defaultConfig, parseConfig } from '../../src/config/parse.ts';
import { printConfig } from '../../src/config/print.ts';
import { formatProblem } from '../../src/config/problem.ts';

function config(text: string): Config {
  const result = parseConfig({ name: 'x.yaml', text }, {});
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
}

/** Routes move to other lines when they are printed. */
function withoutLines({ routes, ...rest }: Config): object {
  return { ...rest, routes: routes?.map(({ line: _, ...route }) => route) };
}

const unusual = `
Daemon: {pidfile: "/run/a b: #c.pid", user: "null"}
Application:
  debug: true
  paths: {base: "~", static: "1", templates: "{x}"}
  rabbitmq:
    hosts: [a, "[::1]:1", "b:2"]
    tls: {ca: ca.pem, verify: false}
    connect_timeout: 0.001
    idle_timeout: 1.2345
    loopback_users: ["yes", "*x", "ü\\n", "123", "__proto__"]
  publishing: {max_held_bytes: 100000001, delivery_mode: 2}
HTTPServer:
  ports: []
  sockets: [/run/0.sock]
  tls: {cert: c, key: k}
  trusted_proxies: [any, ::1, 10.0.0.0/8]
  origins: ["HTTPS://Example.com:443", "http://[::1]:3000"]
  max_body_size: 3GB
`;

describe('The printed configuration', () => {
  it.each([
    ['the defaults', '{}'],
    ['the file of 2013', readFileSync(new URL('../fixtures/statelessd-2013.yaml', import.meta.url), 'utf8')],
    ['unusual values', unusual.replace('3GB', '99MB')],
    ['TLS on a port of its own', 'Application: {rabbitmq: {host: a, port: 5672, tls: {cert: c, key: k}}}'],
    ['a cluster of one', 'Application: {rabbitmq: {hosts: ["[::1]"]}}'],
    ['routes', `Routes:\n  - ['/(?P<a>[^/]+)\\-/(x|y)/''(.*)', statelessd.Publisher]\n  - [/, statelessd.Stats]\n`],
    [
      'logging',
      `Logging:
  version: 1
  formatters: {"a b": {format: ' %(message)s "x" ', datefmt: "%H"}, __proto__: {}}
  filters: {f: {name: n}}
  handlers:
    h: {class: logging.handlers.SysLogHandler, address: ["::1", 514], facility: local3, formatter: a b}
    c: {class: logging.StreamHandler, level: FATAL, debug_only: true, formatter: __proto__}
  loggers: {l: {level: WARN, handlers: [h, c]}, m: {propagate: false}}
  root: {handlers: [h]}
  disable_existing_loggers: false
`,
    ],
  ])('gives the same configuration again: %s', (_, text) => {
    const original = config(text);
    const again = config(printConfig(original));
    expect(withoutLines(again)).toStrictEqual(withoutLines(original));
    expect(printConfig(again)).toBe(printConfig(original));
  });

  it('has the file’s sections, keys and units, in the file’s order', () => {
    expect(printConfig(defaultConfig())).toBe(`Daemon: {}
Application:
  debug: false
  xsrf_cookies: false
  paths: {}
  rabbitmq:
    host: localhost
    port: 5672
    heartbeat: 10
    connect_timeout: 3
    idle_timeout: 600
    credentials_ttl: 300
    max_connections: 512
    loopback_users: [guest]
  publishing:
    publish_timeout: 4.5
    async_timeout: 60
    client_gone: deliver
    delivery_mode: 1
    unroutable: report
    max_held_messages: 10000
    max_held_bytes: 64MiB
    max_in_flight: 2000
    max_batch: 10000
    ignore_returns_of: []
HTTPServer:
  ports: [8000]
  workers: 1
  address: "::"
  sockets: []
  no_keep_alive: false
  xheaders: false
  trusted_proxies: [loopback, private]
  origins: []
  hosts: []
  max_connections: 10000
  max_body_size: 10MiB
  headers_timeout: 10
  request_timeout: 30
  keep_alive_timeout: 75
  drain_timeout: 10
  shutdown_delay: 0
  operations:
    allow: [loopback, private]
`);
  });

  it('has patterns as the user wrote them, and paths of key files', () => {
    const printed = printConfig(
      config('Routes: [["/(?P<a>x)", statelessd.PublishMany]]\nHTTPServer: {tls: {cert: /c.pem, key: /k.pem}}\n'),
    );
    expect(printed).toContain('Routes:\n  - [/(?P<a>x), statelessd.PublishMany]\n');
    expect(printed).toContain('  tls:\n    cert: /c.pem\n    key: /k.pem\n');
  });
});

import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseConfig } from '../../src/config/parse.ts';
import { printConfig } from '../../src/config/print.ts';
import { formatProblem } from '../../src/config/problem.ts';

/** A file with one value at a path, or several. */
function fileWith(...settings: [path: string, value: unknown][]): { name: string; text: string } {
  const tree: Record<string, Record<string, unknown>> = {};
  for (const [path, value] of settings) {
    const [section = '', ...rest] = path.split('.');
    const below = rest.reduceRight((inner: unknown, key) => ({ [key]: inner }), value);
    tree[section] = merged(tree[section] ?? {}, below);
  }
  return { name: 'x.yaml', text: stringify(tree) };
}

function merged(into: Record<string, unknown>, from: unknown): Record<string, unknown> {
  for (const [key, value] of Object.entries(from ?? {})) {
    const there = into[key];
    into[key] = isMapping(there) && isMapping(value) ? merged(there, value) : value;
  }
  return into;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problems(...settings: [string, unknown][]): string[] {
  const result = parseConfig(fileWith(...settings), {});
  return result.ok ? [] : result.problems.map((problem) => formatProblem({ ...problem, line: undefined }));
}

/** What is in force at a path, as `printConfig` spells it. */
function inForce(path: string, value: unknown): unknown {
  const result = parseConfig(fileWith([path, value]), {});
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return path
    .split('.')
    .reduce((tree: unknown, key) => isMapping(tree) && tree[key], parse(printConfig(result.config)));
}

const number = 'expected an integer from';
const size = 'expected a size from 1 to 9007199254740991 bytes, an integer or as 10MiB (KiB, MiB, GiB, KB, MB, GB)';
const secondsExpected = 'expected seconds, a number from 0.001 to 1000000';
const range = 'expected an IP address, a CIDR such as 10.0.0.0/8, loopback, private or any';
const webHost = 'expected a host name, without a scheme and a port';
const origin = 'expected a web origin, scheme://host or scheme://host:port with nothing after it';
const hostName = 'expected a host name or an IP address';

describe('A value is accepted', () => {
  it.each([
    ['Daemon.user', 'www-data', 'www-data'],
    ['Application.debug', true, true],
    ['Application.rabbitmq.heartbeat', 0, 0],
    ['Application.rabbitmq.heartbeat', 65535, 65535],
    ['Application.rabbitmq.host', 'rabbit_1.internal.', 'rabbit_1.internal.'],
    ['Application.rabbitmq.host', '::1', '::1'],
    ['Application.rabbitmq.loopback_users', [], []],
    ['Application.rabbitmq.tls', {}, { verify: true }],
    ['Application.rabbitmq.tls', { cert: 'c', key: 'k', verify: false }, { cert: 'c', key: 'k', verify: false }],
    ['Application.publishing.publish_timeout', 0.001, 0.001],
    ['Application.publishing.publish_timeout', 1_000_000, 1_000_000],
    ['Application.publishing.publish_timeout', 1.0004, 1],
    ['Application.publishing.delivery_mode', 2, 2],
    ['Application.publishing.unroutable', 'refuse', 'refuse'],
    ['Application.publishing.ignore_returns_of', ['amq.default', '/^a\\.b/'], ['amq.default', '/^a\\.b/']],
    ['Application.publishing.max_held_bytes', '1GiB', '1GiB'],
    ['Application.publishing.max_held_bytes', '1 GB', 1_000_000_000],
    ['HTTPServer.max_body_size', 1, 1],
    ['HTTPServer.max_body_size', 1024, '1KiB'],
    ['HTTPServer.max_body_size', '1000', 1000],
    ['HTTPServer.max_body_size', '512KiB', '512KiB'],
    ['HTTPServer.max_body_size', '10MB', 10_000_000],
    ['HTTPServer.max_body_size', '7kb', 7000],
    ['HTTPServer.ports', [1, 65535], [1, 65535]],
    ['HTTPServer.address', '0.0.0.0', '0.0.0.0'],
    ['HTTPServer.address', 'fe80::1%eth0', 'fe80::1%eth0'],
    ['HTTPServer.sockets', ['/run/ü.sock'], ['/run/ü.sock']],
    ['HTTPServer.sockets', [`/${'x'.repeat(106)}`], [`/${'x'.repeat(106)}`]],
    ['HTTPServer.trusted_proxies', ['10.0.0.0/8', '::1/128', 'FD00::/8'], ['10.0.0.0/8', '::1/128', 'fd00::/8']],
    ['HTTPServer.trusted_proxies', ['any', '192.0.2.1'], ['any', '192.0.2.1']],
    ['HTTPServer.operations.allow', [], []],
    ['HTTPServer.origins', ['https://App.example.com:443'], ['https://app.example.com']],
    ['HTTPServer.origins', ['http://[::1]:3000'], ['http://[::1]:3000']],
    ['HTTPServer.origins', ['moz-extension://abc'], ['moz-extension://abc']],
    ['HTTPServer.hosts', ['MQ.Example.com.'], ['mq.example.com']],
    ['HTTPServer.hosts', ['Bücher.example'], ['xn--bcher-kva.example']],
    ['HTTPServer.tls', { cert: 'c', key: 'k' }, { cert: 'c', key: 'k', client_cert: 'none' }],
    [
      'HTTPServer.tls',
      { cert: 'c', key: 'k', client_ca: 'a', client_cert: 'optional' },
      { cert: 'c', key: 'k', client_ca: 'a', client_cert: 'optional' },
    ],
  ])('%s: %j, which is %j', (path, value, printed) => {
    expect(inForce(path, value)).toEqual(printed);
  });

  it('as an empty list of ports, if there is a socket', () => {
    expect(problems(['HTTPServer.ports', []], ['HTTPServer.sockets', ['/run/0.sock']])).toEqual([]);
  });
});

describe('A value is refused', () => {
  it.each([
    ['Daemon.pidfile', '', 'expected a path'],
    ['Daemon.user', 'two words', 'expected a user name'],
    ['Application.debug', 'maybe', 'expected true or false, not a string'],
    ['Application.xsrf_cookies', 2, 'expected true or false, not an integer'],
    ['Application.xsrf_cookies', [], 'expected true or false, not a list'],
    ['Application.rabbitmq.heartbeat', 65536, `${number} 0 to 65535`],
    ['Application.rabbitmq.heartbeat', 1.5, `${number} 0 to 65535`],
    ['Application.rabbitmq.heartbeat', -1, `${number} 0 to 65535`],
    ['Application.rabbitmq.host', '10.0.0.300', hostName],
    ['Application.rabbitmq.host', 'a:5672', hostName],
    ['Application.rabbitmq.host', '-a', hostName],
    ['Application.rabbitmq.host', `${'a'.repeat(64)}.example`, hostName],
    ['Application.rabbitmq.port', 0, `${number} 1 to 65535`],
    ['Application.rabbitmq.port', 65536, `${number} 1 to 65535`],
    ['Application.rabbitmq.max_connections', 0, `${number} 1 to 1000000000`],
    ['Application.rabbitmq.connect_timeout', 0, secondsExpected],
    ['Application.rabbitmq.connect_timeout', -1, secondsExpected],
    ['Application.rabbitmq.connect_timeout', '3s', `${secondsExpected}, not a string`],
    ['Application.rabbitmq.idle_timeout', Number.POSITIVE_INFINITY, secondsExpected],
    ['Application.rabbitmq.idle_timeout', Number.NaN, `${secondsExpected}, not a number`],
    ['Application.publishing.client_gone', 'Deliver', 'expected one of deliver, drop, did you mean deliver?'],
    ['Application.publishing.client_gone', 'keep', 'expected one of deliver, drop'],
    ['Application.publishing.client_gone', false, 'expected one of deliver, drop, not a boolean'],
    ['Application.publishing.delivery_mode', 3, 'expected 1 (transient) or 2 (persistent)'],
    ['Application.publishing.delivery_mode', '3', 'expected 1 (transient) or 2 (persistent)'],
    ['Application.publishing.max_held_bytes', '64M', size],
    ['Application.publishing.max_held_bytes', '1.5GiB', size],
    ['Application.publishing.max_held_bytes', [], `${size}, not a list`],
    ['HTTPServer.max_body_size', 0, size],
    ['HTTPServer.max_body_size', -5, size],
    ['HTTPServer.max_body_size', '9007199254740992', size],
    ['HTTPServer.ports', 8000, 'expected a list of ports, not an integer'],
    ['HTTPServer.ports', [], 'expected at least one port, or a path in sockets'],
    ['HTTPServer.workers', 0, `${number} 1 to 1024`],
    ['HTTPServer.address', '*', hostName],
    ['HTTPServer.address', '[::]', hostName],
    ['HTTPServer.operations', ['any'], 'expected a mapping with keys among allow, not a list'],
    ['HTTPServer.tls', null, 'expected a mapping; leave the key out for no TLS'],
    ['Application.rabbitmq.tls', null, 'expected a mapping; leave the key out for no TLS'],
    ['Application.rabbitmq.tls', true, 'expected a mapping with keys among ca, cert, key, verify, not a boolean'],
  ])('%s: %j', (path, value, message) => {
    expect(problems([path, value])).toEqual([`x.yaml: ${path}: ${message}`]);
  });

  it.each([
    ['HTTPServer.ports', ['http'], `${number} 1 to 65535, not a string`],
    ['HTTPServer.ports', ['08000'], `${number} 1 to 65535, not a string`],
    ['HTTPServer.ports', [null], `${number} 1 to 65535, not an empty value`],
    ['HTTPServer.sockets', [''], 'expected the path of a socket, at most 107 bytes'],
    ['HTTPServer.sockets', ['ü'.repeat(54)], 'expected the path of a socket, at most 107 bytes'],
    ['HTTPServer.trusted_proxies', ['10.0.0.0/33'], range],
    ['HTTPServer.trusted_proxies', ['::/129'], range],
    ['HTTPServer.trusted_proxies', ['example.com'], range],
    ['HTTPServer.operations.allow', ['everyone'], range],
    ['HTTPServer.origins', ['null'], origin],
    ['HTTPServer.origins', ['*'], origin],
    ['HTTPServer.origins', ['https://*.example.com'], origin],
    ['HTTPServer.origins', ['https://example.com/'], origin],
    ['HTTPServer.origins', ['https://example.com?'], origin],
    ['HTTPServer.origins', ['https://u:p@example.com'], origin],
    ['HTTPServer.origins', ['example.com'], origin],
    ['HTTPServer.origins', ['https://example.com:99999'], origin],
    ['HTTPServer.hosts', ['https://mq.example.com'], webHost],
    ['HTTPServer.hosts', ['mq.example.com:8000'], webHost],
    ['HTTPServer.hosts', ['*.example.com'], webHost],
    ['HTTPServer.hosts', [''], webHost],
    ['Application.rabbitmq.loopback_users', [''], 'expected the name of a RabbitMQ user'],
    [
      'Application.publishing.ignore_returns_of',
      ['/(/'],
      'expected the name of an exchange, or a /regular expression/',
    ],
  ])('in a list: %s: %j', (path, value, message) => {
    expect(problems([path, value])).toEqual([`x.yaml: ${path}[0]: ${message}`]);
  });

  it.each([
    ['HTTPServer.ports', [8000, 8001, 8000]],
    ['HTTPServer.sockets', ['/a', '/b', '/a']],
    ['HTTPServer.trusted_proxies', ['loopback', 'any', 'LOOPBACK']],
    ['HTTPServer.origins', ['https://a.example', 'https://b.example', 'https://A.example:443']],
    ['HTTPServer.hosts', ['a', 'b', 'A.']],
    ['Application.rabbitmq.loopback_users', ['guest', 'admin', 'guest']],
  ])('twice in a list: %s: %j', (path, value) => {
    expect(problems([path, value])).toEqual([`x.yaml: ${path}[2]: duplicate of [0]`]);
  });

  it('where a certificate has no key, or a key no certificate', () => {
    expect(problems(['HTTPServer.tls', { cert: 'c' }])).toEqual([
      'x.yaml: HTTPServer.tls.key: missing; expected a path',
    ]);
    expect(problems(['HTTPServer.tls', { key: 'k' }])).toEqual([
      'x.yaml: HTTPServer.tls.cert: missing; expected a path',
    ]);
    expect(problems(['Application.rabbitmq.tls', { cert: 'c', verify: 'none' }])).toEqual([
      'x.yaml: Application.rabbitmq.tls.cert: expected a key with the cert',
      'x.yaml: Application.rabbitmq.tls.verify: expected true or false, not a string',
    ]);
    expect(problems(['Application.rabbitmq.tls', { key: 'k' }])).toEqual([
      'x.yaml: Application.rabbitmq.tls.key: expected a cert with the key',
    ]);
  });

  it('where all bodies in memory could not hold a single one; the problem is with the key that somebody wrote', () => {
    expect(problems(['Application.publishing.max_held_bytes', '10MiB'])).toEqual([
      'x.yaml: Application.publishing.max_held_bytes: expected more than HTTPServer.max_body_size, 10MiB',
    ]);
    expect(problems(['HTTPServer.max_body_size', '64MiB'])).toEqual([
      'x.yaml: HTTPServer.max_body_size: expected less than Application.publishing.max_held_bytes, 64MiB',
    ]);
    expect(problems(['HTTPServer.max_body_size', '64MiB'], ['Application.publishing.max_held_bytes', '65MiB'])).toEqual(
      [],
    );
  });

  it('without a verdict on what it says together with others', () => {
    expect(problems(['HTTPServer.max_body_size', '65MiB'], ['Application.publishing.max_held_bytes', 'x'])).toEqual([
      `x.yaml: Application.publishing.max_held_bytes: ${size}`,
    ]);
  });
});

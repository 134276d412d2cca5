import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import { formatProblem } from '../../src/config/problem.ts';

/** The brokers, or the problems. */
function brokers(rabbitmq: string, env: Record<string, string> = {}): unknown {
  const variables = Object.entries(env).map(([name, value]) => [`STATELESSD__APPLICATION__RABBITMQ__${name}`, value]);
  const text = `Application:\n  rabbitmq: ${rabbitmq}\n`;
  const result = parseConfig({ name: 'x.yaml', text }, Object.fromEntries(variables));
  if (!result.ok) return result.problems.map(formatProblem);
  return result.config.application.rabbitmq.hosts.map(({ host, port }) => [host, port]);
}

describe('The brokers', () => {
  it.each([
    ['{}', [['localhost', 5672]]],
    ['{host: rabbit}', [['rabbit', 5672]]],
    ['{port: 1234}', [['localhost', 1234]]],
    ['{host: rabbit, tls: {}}', [['rabbit', 5671]]],
    ['{host: rabbit, port: 5672, tls: {}}', [['rabbit', 5672]]],
    [
      '{hosts: [a, "b:1234"]}',
      [
        ['a', 5672],
        ['b', 1234],
      ],
    ],
    [
      '{hosts: [a, "b:1234"], tls: {}}',
      [
        ['a', 5671],
        ['b', 1234],
      ],
    ],
    [
      '{hosts: ["[::1]:1234", "[::2]", "::3", "192.0.2.1:5"]}',
      [
        ['::1', 1234],
        ['::2', 5672],
        ['::3', 5672],
        ['192.0.2.1', 5],
      ],
    ],
  ])('of %s are %j', (rabbitmq, expected) => {
    expect(brokers(rabbitmq)).toEqual(expected);
  });

  it.each([
    ['{hosts: [a], host: b}', 'hosts: expected either hosts, or host and port, not both'],
    ['{hosts: [a], port: 1}', 'hosts: expected either hosts, or host and port, not both'],
    ['{hosts: []}', 'hosts: expected at least one host'],
    ['{hosts: [a, "A:5672"]}', 'hosts[1]: duplicate of [0]'],
    ['{hosts: [a, a]}', 'hosts[1]: duplicate of [0]'],
    ['{hosts: a}', 'hosts: expected a list of hosts, not a string'],
    [
      '{hosts: [{a: 5672}]}',
      'hosts[0]: expected host or host:port, IPv6 as [::1]:5672, the port from 1 to 65535, not a mapping',
    ],
    ...['a:0', 'a:65536', 'a:b', 'a:', ':5672', '[a]:5672', '[::1]5672', 'a b', 'u:p@a', 'amqp://a', ''].map((host) => [
      `{hosts: ["${host}"]}`,
      'hosts[0]: expected host or host:port, IPv6 as [::1]:5672, the port from 1 to 65535',
    ]),
  ])('are refused for %s', (rabbitmq, problem) => {
    expect(brokers(rabbitmq)).toEqual([`x.yaml:2: Application.rabbitmq.${problem}`]);
  });

  it('are the environment’s choice, however the file spells its own', () => {
    expect(brokers('{hosts: [a, b]}', { HOST: 'c' })).toEqual([['c', 5672]]);
    expect(brokers('{hosts: [a, b]}', { HOST: 'c', PORT: '1' })).toEqual([['c', 1]]);
    expect(brokers('{host: a, port: 1}', { HOSTS: 'b,c:2' })).toEqual([
      ['b', 5672],
      ['c', 2],
    ]);
    expect(brokers('{host: a, port: 1}', { HOST: 'b' })).toEqual([['b', 1]]);
    expect(brokers('{host: a, port: 1}', { PORT: '2' })).toEqual([['a', 2]]);
  });

  it('all have the environment’s port, if that is all it says', () => {
    expect(brokers('{hosts: [a, "b:1"]}', { PORT: '2' })).toEqual([
      ['a', 2],
      ['b', 2],
    ]);
    expect(brokers('{hosts: [a, "a:1"]}', { PORT: '2' })).toEqual([
      'x.yaml:2: Application.rabbitmq.hosts[1]: duplicate of [0]',
    ]);
  });

  it('are refused where the environment contradicts itself', () => {
    const problem = 'Application.rabbitmq.hosts: expected either hosts, or host and port, not both';
    expect(brokers('{}', { HOSTS: 'a', HOST: 'b' })).toEqual([`STATELESSD__APPLICATION__RABBITMQ__HOSTS: ${problem}`]);
    expect(brokers('{}', { HOSTS: 'a', PORT: '1' })).toEqual([`STATELESSD__APPLICATION__RABBITMQ__HOSTS: ${problem}`]);
  });

  it('may be IPv6 addresses in a variable, though a list begins with the same bracket', () => {
    expect(brokers('{}', { HOSTS: '[::1]:5672,[::2]:5673' })).toEqual([
      ['::1', 5672],
      ['::2', 5673],
    ]);
    expect(brokers('{}', { HOSTS: '["[::1]:5672", a]' })).toEqual([
      ['::1', 5672],
      ['a', 5672],
    ]);
  });
});

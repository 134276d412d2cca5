import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import { formatProblem } from '../../src/config/problem.ts';

function problems(text: string): string[] {
  const result = parseConfig({ name: 'x.yaml', text }, {});
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('YAML', () => {
  it.each([
    [
      'a list at the top',
      '- Daemon',
      'x.yaml:1: expected a mapping with keys among Daemon, Application, HTTPServer, Routes, Logging, not a list',
    ],
    [
      'a text at the top',
      '\n\nhello',
      'x.yaml:3: expected a mapping with keys among Daemon, Application, HTTPServer, Routes, Logging, not a string',
    ],
    ['a second document', 'Daemon:\n---\nDaemon:', 'x.yaml:2: expected one YAML document, here begins a second one'],
    [
      'an unclosed list',
      'HTTPServer:\n  ports: [8000',
      'x.yaml:2: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['a tab', 'HTTPServer:\n\tports: [8000]', 'x.yaml:2: not valid YAML: Tabs are not allowed as indentation'],
    [
      'an alias to nothing',
      'Daemon:\n  user: *nginx',
      'x.yaml:2: an alias (*name) without an anchor (&name) before it; quote a text that begins with *',
    ],
    [
      'an unknown tag',
      'Daemon:\n  user: !vault nginx',
      'x.yaml:2: an unknown tag (!name); quote a text that begins with !',
    ],
    ['a key that is a list', '? [a]\n: b', 'x.yaml:1: expected keys that are names'],
  ])('is refused for %s', (_, text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  it('is refused for duplicate keys at any depth, along with every other mistake', () => {
    expect(problems('HTTPServer:\n  ports: [1]\n  workers: 0\n  ports: [2]\nDaemon:\nHTTPServer:\n')).toEqual([
      'x.yaml:4: HTTPServer.ports: duplicate key, first on line 2',
      'x.yaml:6: HTTPServer: duplicate key, first on line 1',
    ]);
    expect(problems('HTTPServer:\n  ports: [1]\n  ports: [2]\n  workers: 0\n')).toEqual([
      'x.yaml:3: HTTPServer.ports: duplicate key, first on line 2',
      'x.yaml:4: HTTPServer.workers: expected an integer from 1 to 1024',
    ]);
  });

  it('has the last of duplicate keys in force, for the other mistakes', () => {
    expect(problems('HTTPServer:\n  workers: 1\n  workers: 0\n')).toEqual([
      'x.yaml:3: HTTPServer.workers: duplicate key, first on line 2',
      'x.yaml:3: HTTPServer.workers: expected an integer from 1 to 1024',
    ]);
  });

  it('may use anchors and aliases, and a mistake behind an alias has a line', () => {
    const text = 'HTTPServer:\n  trusted_proxies: &ours [loopback, 10.0.0.0/8]\n  operations: {allow: *ours}\n';
    expect(parseConfig({ name: 'x.yaml', text }, {})).toMatchObject({
      ok: true,
      config: { httpServer: { operations: { allow: ['loopback', '10.0.0.0/8'] } } },
    });
    expect(problems(text.replace('10.0.0.0/8', '10.0.0.0/33'))).toEqual([
      expect.stringMatching(/^x\.yaml:2: HTTPServer\.trusted_proxies\[1\]: /),
      expect.stringMatching(/^x\.yaml:2: HTTPServer\.operations\.allow\[1\]: /),
    ]);
  });

  it('cannot blow up by aliases of aliases, or by one within itself', () => {
    const nine = (item: string) => `[${Array(9).fill(item).join(', ')}]`;
    const bomb = `a: &a ${nine('x')}\nb: &b ${nine('*a')}\nc: &c ${nine('*b')}\nd: &d ${nine('*c')}\n`;
    expect(problems(bomb)).toEqual(['x.yaml: too many aliases']);
    expect(problems('HTTPServer:\n  ports: &p [8000, *p]\n')).toEqual([
      'x.yaml:2: HTTPServer.ports[1]: expected an integer from 1 to 65535, not a list',
    ]);
  });

  it('has keys that are only names, even JavaScript’s own', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      expect(problems(`HTTPServer: {${key}: {ports: [1]}}`)).toEqual([
        expect.stringContaining(`x.yaml:1: HTTPServer.${key}: unknown key; expected one of ports, `),
      ]);
    }
  });

  it('reads true and false in all of PyYAML’s words, quoted or not, whatever version the file says', () => {
    const debug = (value: string, head = '') => {
      const result = parseConfig({ name: 'x.yaml', text: `${head}Application: {debug: ${value}}` }, {});
      return result.ok ? result.config.application.debug : result.problems.map(formatProblem);
    };
    const spellings = (word: string) => [word, word[0]?.toUpperCase() + word.slice(1), word.toUpperCase(), `"${word}"`];
    for (const value of ['true', 'yes', 'on'].flatMap(spellings)) expect([value, debug(value)]).toEqual([value, true]);
    for (const value of ['false', 'no', 'off'].flatMap(spellings))
      expect([value, debug(value)]).toEqual([value, false]);
    expect([debug('1'), debug('0')]).toEqual([true, false]);
    expect(debug('yes', '%YAML 1.1\n---\n')).toBe(true);
    for (const value of ['y', 'n', 'maybe', '""'])
      expect(debug(value)).toEqual(['x.yaml:1: Application.debug: expected true or false, not a string']);
  });

  it('leaves those words alone where a text is expected', () => {
    const text = 'Daemon: {user: yes}\nApplication: {rabbitmq: {host: on, loopback_users: [no, off]}}';
    expect(parseConfig({ name: 'x.yaml', text }, {})).toMatchObject({
      ok: true,
      config: {
        daemon: { user: 'yes' },
        application: { rabbitmq: { hosts: [{ host: 'on' }], loopbackUsers: ['no', 'off'] } },
      },
    });
  });

  it('reads numbers in quotes, with underscores and in hexadecimal, and none that YAML 1.1 and 1.2 disagree about', () => {
    const port = (value: string) => {
      const result = parseConfig({ name: 'x.yaml', text: `Application: {rabbitmq: {port: ${value}}}` }, {});
      return result.ok ? result.config.application.rabbitmq.hosts[0]?.port : result.problems.map(formatProblem);
    };
    for (const value of ['5672', '"5672"', "'5672'", '5_672', '0x1628', '+5672', '!!str 5672'])
      expect([value, port(value)]).toEqual([value, 5672]);
    for (const value of ['05672', '"05672"', '5672.5', '1:34:32', '"5672 "', '5672abc', '""']) {
      expect([value, port(value)]).toEqual([
        value,
        [expect.stringMatching(/^x\.yaml:1: Application\.rabbitmq\.port: expected an integer from 1 to 65535/)],
      ]);
    }
  });

  it('has merge keys: what stands in the mapping itself beats what is merged, the first of several the next', () => {
    const text = `
HTTPServer:
  tls: &files {cert: c, key: k}
Application:
  rabbitmq:
    tls: {<<: *files, ca: a}
  publishing:
    max_batch: 7
    <<: [{max_batch: 5, max_in_flight: 5}, {max_in_flight: 6, delivery_mode: 2}]
`;
    expect(parseConfig({ name: 'x.yaml', text }, {})).toMatchObject({
      ok: true,
      config: {
        application: {
          rabbitmq: { tls: { ca: 'a', cert: 'c', key: 'k' } },
          publishing: { maxBatch: 7, maxInFlight: 5, deliveryMode: 2 },
        },
      },
    });
  });

  it('has a line for a mistake that was merged, and for a merge that cannot be', () => {
    const text = 'Daemon: &d\n  pidfile: [x]\n  usr: x\nHTTPServer:\n  <<: *d\n';
    expect(problems(text)).toEqual([
      'x.yaml:2: Daemon.pidfile: expected a path, not a list',
      expect.stringMatching(/^x\.yaml:2: HTTPServer\.pidfile: unknown key/),
      expect.stringMatching(/^x\.yaml:3: Daemon\.usr: unknown key; .*, did you mean user\?$/),
      expect.stringMatching(/^x\.yaml:3: HTTPServer\.usr: unknown key/),
    ]);
    expect(problems('Daemon:\n  <<: 5\n')).toEqual(['x.yaml:2: expected a mapping after <<, or a list of them']);
    expect(problems('Daemon:\n  <<: [{user: a}, b]\n')).toEqual([
      'x.yaml:2: expected a mapping after <<, or a list of them',
    ]);
    expect(problems('Daemon: &d\n  <<: *d\n')).toEqual(['x.yaml: too many aliases']);
    expect(problems('Daemon:\n  <<: *none\n')).toEqual([expect.stringMatching(/^x\.yaml:2: an alias/)]);
  });

  it('may have the tags of Python’s tuples and texts', () => {
    const text = "Daemon: {user: !!python/unicode 'nginx'}\nRoutes: [!!python/tuple [/, statelessd.Stats]]";
    expect(parseConfig({ name: 'x.yaml', text }, {})).toMatchObject({
      ok: true,
      config: { daemon: { user: 'nginx' }, routes: [{ pattern: '/', handler: 'Stats' }] },
    });
  });
});

describe('A problem', () => {
  it('never quotes a value, for it may be a secret in the wrong place', () => {
    const texts = [
      'Application: {rabbitmq: {host: "amqp://u:s3cret@h"}}',
      'Application: {rabbitmq: {hosts: ["u:s3cret@h:5672"]}}',
      'Application: {rabbitmq: {port: s3cret}}',
      'Application: {rabbitmq: s3cret}',
      'Application: {publishing: {unroutable: s3cret, max_held_bytes: s3cret, delivery_mode: s3cret}}',
      'HTTPServer: {origins: ["https://u:s3cret@h"], trusted_proxies: [s3cret], tls: {cert: s3cret}}',
      'Daemon: {user: "u:s3cret"}',
      'Daemon: {user: *s3cret}',
      'Daemon: {user: !s3cret x}',
      'Daemon: {user: !<s3cret> x}',
      'Daemon:\n  user: |s3cret\n',
      'Daemon:\n  user: "a" s3cret\n',
      'Daemon:\n  user: @s3cret\n',
      'Daemon:\n  user: "\\s3cret"\n',
      'Daemon: {user: [s3cret',
      's3cret',
      '%s3cret\n---\n',
      'Routes: [[s3cret, s3cret], s3cret]',
      'Logging: {version: s3cret, handlers: {c: {class: s3cret, level: s3cret}}, root: {handlers: [s3cret]}}',
    ];
    for (const text of texts) {
      const found = problems(text);
      expect(found, text).not.toEqual([]);
      expect(found.join('\n'), text).not.toContain('s3cret');
    }
    const env = { STATELESSD__APPLICATION__RABBITMQ__HOST: 'u:s3cret@h', STATELESSD__PASSWORD: 's3cret' };
    const result = parseConfig(undefined, env);
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain('s3cret');
  });

  it('is one line, whatever the key', () => {
    expect(problems('"a\\nb\\e[31m": 1')).toEqual([
      'x.yaml:1: a\\nb\\u001b[31m: unknown key; expected one of Daemon, Application, HTTPServer, Routes, Logging',
    ]);
  });
});

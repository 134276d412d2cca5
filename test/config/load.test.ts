import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { defaultConfig } from '../../src/config/parse.ts';
import { formatProblem } from '../../src/config/problem.ts';

const directory = mkdtempSync(join(tmpdir(), 'statelessd-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

function problems(path: string, env = {}): string[] {
  const result = loadConfig(path, env);
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('Loading a configuration', () => {
  it('without a file gives the defaults', () => {
    expect(loadConfig(undefined, {})).toEqual({ ok: true, config: defaultConfig(), warnings: [] });
  });

  it('reads the file, a byte order mark and Windows line ends included', () => {
    const path = write('bom.yaml', '\uFEFFHTTPServer:\r\n  ports: [1234]\r\n');
    expect(loadConfig(path, {})).toMatchObject({ ok: true, config: { httpServer: { ports: [1234] } } });
  });

  it('names the file, the line, the key and what was expected, for all mistakes at once', () => {
    const path = write('three.yaml', 'HTTPServer:\n  ports: 8000\n  adress: "::"\n\nDaemon:\n  user: [nginx]\n');
    expect(problems(path, { STATELESSD__HTTPSERVER__WORKERS: '0' })).toEqual([
      `${path}:2: HTTPServer.ports: expected a list of ports, not an integer`,
      expect.stringMatching(
        /three\.yaml:3: HTTPServer\.adress: unknown key; expected one of ports, .*, did you mean address\?$/,
      ),
      `${path}:6: Daemon.user: expected a user name, not a list`,
      'STATELESSD__HTTPSERVER__WORKERS: HTTPServer.workers: expected an integer from 1 to 1024',
    ]);
  });

  it('tells of a file that is not there, and of the environment too', () => {
    const path = join(directory, 'none.yaml');
    expect(problems(path, { STATELESSD__HTTPSERVER__PORT: '1' })).toEqual([
      `${path}: expected a readable file; there is none`,
      'STATELESSD__HTTPSERVER__PORT: unknown variable; the nearest is STATELESSD__HTTPSERVER__PORTS',
    ]);
  });

  it.each([
    ['below a file', () => join(write('file.yaml', ''), 'below.yaml'), 'there is none'],
    ['a directory', () => directory, 'this is a directory'],
    ['not UTF-8', () => write('latin1.yaml', Uint8Array.of(0x61, 0x3a, 0x20, 0xe9)), 'this is not UTF-8'],
    [
      'a link to itself',
      () => {
        const path = join(directory, 'loop.yaml');
        symlinkSync(path, path);
        return path;
      },
      'ELOOP',
    ],
  ])('tells of a path that is %s', (_, make, reason) => {
    const path = make();
    expect(problems(path)).toEqual([`${path}: expected a readable file; ${reason}`]);
  });
});

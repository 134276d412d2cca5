import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Kind } from '../../src/config/kind.ts';
import { loadConfig } from '../../src/config/load.ts';
import { defaultConfig, parseConfig } from '../../src/config/parse.ts';
import { printConfig } from '../../src/config/print.ts';
import { table } from '../../src/config/table.ts';

const samplePath = new URL('../../config/statelessd.yaml', import.meta.url).pathname;
const minimalPath = new URL('../../config/minimal.yaml', import.meta.url).pathname;
const sample = readFileSync(samplePath, 'utf8');

/** The sample with its commented-out keys in force: `#key`, where prose is `# text`. */
const complete = sample.replace(/^(\s*)#(?=\S)/gm, '$1');

/** The paths of all keys below a kind. A name that the user chooses is a `*`. */
function keysOf(kind: Kind<unknown>, at: readonly string[] = []): string[][] {
  return [...(kind.children ?? [])].flatMap(([key, child]) => [[...at, key], ...keysOf(child, [...at, key])]);
}

function occurs(tree: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  if (tree === null || typeof tree !== 'object') return false;
  if (key === '*') return Object.values(tree).some((below) => occurs(below, rest));
  return Object.entries(tree).some(([name, below]) => name === key && occurs(below, rest));
}

describe('The sample file', () => {
  it('is the default configuration', () => {
    expect(loadConfig(samplePath, {})).toEqual({ ok: true, config: defaultConfig(), warnings: [] });
  });

  it('spells out every key that has a default, and no other', () => {
    expect(parse(sample)).toEqual({
      ...parse(printConfig(defaultConfig())),
      // Sections of commented-out keys only.
      Daemon: null,
      Application: { ...parse(printConfig(defaultConfig())).Application, paths: null },
    });
  });

  it.each(keysOf(table).map((path) => [path.join('.'), path] as const))('has the key %s', (_, path) => {
    expect(occurs(parse(complete), path)).toBe(true);
  });

  it('has a comment above every key', () => {
    const lines = complete.split('\n');
    const bare = lines.filter((line, index) => {
      const [, indent, key] = /^( *)([a-z_]+):/.exec(line) ?? [];
      // The names of formatters and the like are the user's, and the sections speak for themselves.
      const exempt = [
        ...['application', 'console', 'file', 'ours', 'publishing', 'rabbitmq', 'rotating', 'statelessd', 'syslog'],
        ...['timed', 'verbose'],
      ];
      if (key === undefined || indent === '' || exempt.includes(key)) return false;
      return !lines[index - 1]?.trim().startsWith('#');
    });
    // The classes of some handlers are explained above them.
    expect(bare.map((line) => line.trim())).toEqual([
      'class: logging.handlers.SysLogHandler',
      'class: logging.handlers.RotatingFileHandler',
      'class: logging.handlers.TimedRotatingFileHandler',
    ]);
  });

  it('is still a configuration with all that is commented out in force, but for one of the two ways to name hosts', () => {
    const refused = parseConfig({ name: 'complete', text: complete }, {});
    expect(refused).toMatchObject({ problems: [{ key: 'Application.rabbitmq.hosts' }] });
    const text = complete.replace(/^ {4}(host|port): .*$/gm, '');
    expect(parseConfig({ name: 'complete', text }, {})).toMatchObject({
      ok: true,
      config: {
        daemon: { user: 'nginx' },
        application: { rabbitmq: { hosts: [{ host: 'rabbit-a' }, { host: 'rabbit-b', port: 5672 }] } },
        routes: [{ handler: 'Publisher' }, { handler: 'Stats' }, { handler: 'Dashboard' }],
      },
    });
  });

  it('names environment variables that exist', () => {
    const env = Object.fromEntries(
      [...sample.matchAll(/(STATELESSD__[A-Z_]+)=(\w+(?:,\w+)*)/g)].map(([, k, v]) => [k, v]),
    );
    expect(Object.keys(env)).toHaveLength(2);
    expect(parseConfig(undefined, env)).toMatchObject({
      ok: true,
      config: { application: { rabbitmq: { hosts: [{ host: 'rabbit' }] } }, httpServer: { ports: [8000, 8001] } },
    });
  });
});

describe('The minimal file', () => {
  it('differs from the defaults by its ports', () => {
    const { httpServer, ...rest } = defaultConfig();
    expect(loadConfig(minimalPath, {})).toEqual({
      ok: true,
      warnings: [],
      config: { ...rest, httpServer: { ...httpServer, ports: [8000, 8001] } },
    });
  });
});

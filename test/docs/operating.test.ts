import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { GatewayProcess } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { Topology } from '../support/topology.ts';
import { readDocument, tableUnder } from './document.ts';

const root = new URL('../..', import.meta.url).pathname;
const page = readDocument('docs/operating.md');
const sample = readFileSync(`${root}config/statelessd.yaml`, 'utf8');

/** What stands in backticks, in prose and tables. */
const namesIn = (text: string): string[] =>
  [...text.replaceAll(/^```[^`]*```$/gm, '').matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name);
const named = new Set(namesIn(page.text));

/** The keys of a tree of objects; `given` are names that somebody chose, below which the keys go on. */
function keysOf(tree: unknown, given: (parent: string) => boolean, parent = ''): string[] {
  if (tree === null || typeof tree !== 'object' || Array.isArray(tree)) return [];
  return Object.entries(tree).flatMap(([key, below]) => [
    ...(given(parent) ? [] : [key]),
    ...keysOf(below, given, given(parent) ? '' : key),
  ]);
}

describe('docs/operating.md', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  const directory = mkdtempSync(`${tmpdir()}/statelessd-docs-`);

  beforeAll(async () => {
    topology = await Topology.create();
    gateway = await GatewayProcess.start();
    await http(gateway.port, `/${topology.segment}/no-such-exchange/k`, {
      user: topology.user,
      headers: { 'x-request-id': 'seen' },
    });
  });
  afterAll(async () => {
    await gateway?.stop();
    await topology?.delete();
    rmSync(directory, { recursive: true });
  });

  const get = async (path: string): Promise<string> => (await http(gateway.port, path, { method: 'GET' })).text;

  it('names every key of the configuration, as the sample file does', () => {
    const file = `${directory}/statelessd.yaml`;
    const check = (text: string): unknown => {
      writeFileSync(file, text);
      // Its example's files and users are not on this machine, which is told on standard error.
      return parse(spawnSync('node', ['dist/cli.js', '--check', '-c', file], { cwd: root, encoding: 'utf8' }).stdout);
    };
    const complete = sample.replace(/^(\s*)#(?=\S)/gm, '$1').replace(/^ {4}(host|port): .*$/gm, '');
    const chosen = (parent: string): boolean =>
      ['formatters', 'filters', 'handlers', 'loggers', 'defaults'].includes(parent);
    const sections = ['Daemon', 'Application', 'HTTPServer', 'Routes', 'Logging', 'rabbitmq', 'publishing'];
    const keys = [...keysOf(check(complete), chosen), ...keysOf(check('{}'), chosen)];
    expect(new Set(keys).size).toBeGreaterThan(60);
    expect(keys.filter((key) => !sections.includes(key) && !named.has(key))).toEqual([]);
    expect(sections.filter((key) => !page.text.includes(key))).toEqual([]);
    expect(keys.filter((key) => !new RegExp(`\\b${key}:`).test(sample))).toEqual([]);
  });

  it('tells of every type of problem with its status, and of no other', () => {
    const source = readFileSync(`${root}src/handler/problem.ts`, 'utf8');
    const types = [...source.matchAll(/slug: '([a-z-]+)',\s+status: (\d+)/g)].map(([, ...type]) => type.join(' '));
    const rows = tableUnder(page, 'Problems').map(([type = '', status = '']) => `${namesIn(type)[0]} ${status}`);
    expect(rows.sort()).toEqual([...new Set(types)].sort());
    expect(rows).toContain('exchange-not-found 404');
  });

  it('lists the metrics that a gateway serves, and no other', async () => {
    const served = [...(await get('/metrics')).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(tableUnder(page, 'Metrics').map(([name = '']) => namesIn(name)[0])).toEqual(served);
  });

  it('names every key of /stats', async () => {
    const counted = (parent: string): boolean => parent === 'requests';
    const { connections, ...rest } = JSON.parse(await get('/stats'));
    const [entry] = Object.values(connections);
    const keys = ['connections', ...keysOf(rest, counted), ...keysOf(entry, () => false)];
    const told = new Set(tableUnder(page, 'Statistics').flatMap(([key = '']) => namesIn(key)));
    expect(keys.filter((key) => !told.has(key))).toEqual([]);
  });

  it('names every field of the line for a message that was not published', async () => {
    await gateway.says('"request_id":"seen"');
    const line = gateway.stderr.split('\n').find((one) => one.includes('"request_id":"seen"')) ?? '';
    const shown = page.blocks.find(({ language, code }) => language === 'json' && code.includes('not published'));
    expect(Object.keys(JSON.parse(line))).toEqual(Object.keys(JSON.parse(shown?.code ?? '')));
    const told = new Set(tableUnder(page, 'Logs').flatMap(([field = '']) => namesIn(field)));
    expect(Object.keys(JSON.parse(line)).filter((field) => !told.has(field))).toEqual([]);
  });

  it('quotes lines of the log that there are', () => {
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    const source = sources.map((name) => readFileSync(`${root}src/${name}`, 'utf8')).join();
    const loggers = ['`statelessd`', '`statelessd.rabbitmq`'];
    const lines = tableUnder(page, 'Logs').filter(([, logger = '']) => loggers.includes(logger));
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.map(([line = '']) => namesIn(line)[0]).filter((line) => !source.includes(`'${line}'`))).toEqual([]);
  });

  it('tells of the exit codes and signals that --help names', () => {
    const help = execFileSync('node', ['dist/cli.js', '--help'], { cwd: root, encoding: 'utf8' });
    const told = tableUnder(page, 'Starting and stopping').map(([first]) => first);
    const codes = help.match(/(?<=Exit codes: |, )\d+ /g)?.map((code) => code.trim()) ?? [];
    expect(codes).toContain('78');
    expect(codes.filter((code) => !told.includes(code))).toEqual([]);
    expect((help.match(/SIG[A-Z]+/g) ?? []).filter((signal) => !told.join().includes(signal))).toEqual([]);
  });
});

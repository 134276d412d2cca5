import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { http } from './support/http.ts';

describe('the page at / and its files', () => {
  const get = (gateway: GatewayProcess, path: string) => http(gateway.port, path, { method: 'GET' });

  async function gatewayWith(paths: object): Promise<GatewayProcess> {
    const gateway = await gatewayForTest({ application: { paths } });
    return gateway;
  }

  /** A folder with these files. */
  async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'statelessd-page-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    return folder;
  }

  it('are the built-in ones, even where configured folders do not exist', async () => {
    const gateway = await gatewayWith({ static: '/missing/static', templates: '/missing/templates' });
    expect((await get(gateway, '/')).text).toContain('<title>statelessd</title>');
    for (const [name, type] of [
      ['dashboard.js', 'text/javascript; charset=UTF-8'],
      ['dashboard.css', 'text/css; charset=UTF-8'],
      ['icon.svg', 'image/svg+xml'],
    ]) {
      const { status, headers } = await get(gateway, `/static/${name}`);
      expect([status, headers['content-type']]).toEqual([200, type]);
    }
    expect((await get(gateway, '/')).headers['content-security-policy']).toContain("default-src 'self'");
  });

  it('can be replaced by files below Application.paths, one by one', async () => {
    const base = await folderWith({
      'pages/dashboard.html': '<p>mine</p>',
      'files/dashboard.css': 'p { color: red }',
      'files/images/logo.png': 'PNG',
    });
    const gateway = await gatewayWith({ base, static: 'files', templates: 'pages' });
    expect((await get(gateway, '/')).text).toBe('<p>mine</p>');
    expect((await get(gateway, '/static/dashboard.css')).text).toBe('p { color: red }');
    expect((await get(gateway, '/static/images/logo.png')).headers['content-type']).toBe('image/png');
    expect((await get(gateway, '/static/dashboard.js')).text).toContain('stats?scope=all');
    await writeFile(join(base, 'pages/dashboard.html'), '<p>changed</p>');
    expect((await get(gateway, '/')).text).toBe('<p>changed</p>');
  });

  it.each([
    [
      'of 2013 itself',
      '<title>statelessd &ndash; {{request.host}}</title>\n<h1>statelessd &ndash; {{request.host}}</h1>',
    ],
    ['that somebody made of it', '{% extends "base.html" %}\n{% block body %}<p>{{ len(stats) }}</p>{% end %}'],
    [
      'with an expression around',
      '<link href="{{ static_url("own.css") }}"><p>{{ str(handler.application.port) }}</p>',
    ],
  ])('are the built-in ones instead of a template %s, which is warned of once', async (_, template) => {
    const base = await folderWith({ 'templates/dashboard.html': template });
    const gateway = await gatewayForTest({ ports: 2, application: { paths: { base, templates: 'templates' } } });
    for (const port of gateway.ports) {
      const { text } = await http(port, '/', { method: 'GET' });
      expect(text).toContain('<title>statelessd</title>');
    }
    const warnings = gateway.stderr.split('\n').filter((line) => line.includes('"configuration warning"'));
    expect(warnings.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: 'warning',
        file: join(base, 'templates/dashboard.html'),
        detail: 'not used: this is a template for Tornado; the built-in page is served',
      },
    ]);
  });

  it('may have braces of their own, for a library in the browser', async () => {
    const page = '<p id="app">{{ stats.requests }} {{item.request}} {{#each rows}}{{this}}{{/each}}</p> 100 {%}';
    const templates = await folderWith({ 'dashboard.html': page });
    const gateway = await gatewayWith({ templates });
    expect((await get(gateway, '/')).text).toBe(page);
    expect(gateway.stderr).not.toContain('configuration warning');
  });

  it('are never files beside those folders, nor hidden ones', async () => {
    const base = await folderWith({ secret: 'secret', 'files/.hidden': 'secret', 'files/public': 'public' });
    const gateway = await gatewayWith({ base, static: 'files' });
    expect((await get(gateway, '/static/public')).text).toBe('public');
    for (const path of [
      '../secret',
      '%2e%2e/secret',
      '..%2fsecret',
      'x/../../secret',
      '.hidden',
      'x/.hidden',
      '/secret',
    ]) {
      const { status, text } = await get(gateway, `/static/${path}`);
      expect([path, status >= 400, text.includes('secret')]).toEqual([path, true, false]);
    }
  });

  it('leave posts to a vhost of their name alone', async () => {
    const gateway = await gatewayWith({});
    expect((await http(gateway.port, '/static/dashboard.js/key', { body: 'x' })).status).toBe(401);
  });
});

describe('Application.debug', () => {
  const stackOf = async (debug: boolean): Promise<unknown> => {
    const gateway = await gatewayForTest({ application: { debug } });
    return JSON.parse((await http(gateway.port, '/v/x/k', { body: 'x' })).text).stack;
  };

  it('has problems say where in the program they were found', async () => {
    expect(await stackOf(true)).toMatch(/^Error: Credentials are required\n(?: {4}at .*\n)* {4}at judgePost /);
  });

  it('is off by default: no problem tells of the program', async () => {
    expect(await stackOf(false)).toBeUndefined();
  });
});

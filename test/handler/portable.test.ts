import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

/** What every edge runtime has, and nothing that only Node has. */
const WEB_GLOBALS = [
  'AbortController',
  'AbortSignal',
  'CompressionStream',
  'DecompressionStream',
  'Headers',
  'ReadableStream',
  'Request',
  'Response',
  'TextDecoder',
  'TextEncoder',
  'URL',
  'URLSearchParams',
  'atob',
  'btoa',
  'clearTimeout',
  'console',
  'crypto',
  'queueMicrotask',
  'setTimeout',
] as const;

const SCRIPT = `
import { createApp } from './src/handler/app.ts';

const published = [];
const admission = {
  kind: 'admitted',
  reserve: () => true,
  release() {},
  abandon() {},
  async publish(address, message) {
    published.push({ address, body: new TextDecoder().decode(message.body), type: message.properties.contentType });
    return { kind: 'confirmed', routed: true };
  },
};
const app = createApp({
  publisher: {
    admit: ({ credentials }) =>
      credentials.password === 'right' ? admission : { kind: 'login-refused', published: 'no' },
  },
  stats: { backend: () => ({ port: 8000 }) },
  readiness: () => ({ ready: true }),
  settings: {
    deliveryMode: 1,
    unroutable: 'report',
    ignoreReturnsOf: [],
    maxBodySizeBytes: 1000,
    publishTimeoutMs: 1000,
    asyncTimeoutMs: 1000,
    clientGone: 'deliver',
    origins: [],
    hosts: [],
    ignoreReturnsOf: [],
    routes: [],
    debug: false,
    version: '1.0.0',
  },
  log() {},
});

const post = (password, body, bindings = { target: '/vhost/exchange/key' }, headers = {}) =>
  app.fetch(
    new Request('http://gateway/vhost/exchange/key', {
      method: 'POST',
      headers: {
        authorization: 'Basic ' + btoa('user:' + password),
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      },
      body,
    }),
    bindings,
  );

globalThis.result = (async () => {
  const ok = await post('right', 'body=hi&content-type=text%2Fplain');
  const refused = await post('wrong', 'body=hi');
  const targetless = await Promise.all([{}, { target: undefined }].map((env) => post('right', 'body=hi', env)));
  const zipped = new Response('body=zipped').body.pipeThrough(new CompressionStream('gzip'));
  const decoded = await post('right', await new Response(zipped).arrayBuffer(), { target: '/v/x/k' }, { 'content-encoding': 'gzip' });
  const stats = await app.fetch(new Request('http://gateway/stats'), { operator: true });
  const openApi = await app.fetch(new Request('http://gateway/openapi.json'), { operator: true });
  return JSON.stringify({
    published,
    ok: ok.status,
    refused: [refused.status, (await refused.json()).type],
    targetless: await Promise.all(targetless.map(async (answer) => [answer.status, (await answer.json()).detail])),
    decoded: decoded.status,
    stats: [stats.status, await stats.json()],
    openApi: [openApi.status, (await openApi.json()).openapi],
  });
})();
`;

/** A URL has its dots resolved: an address that is not certain is none. */
const NO_TARGET = [400, 'the runtime does not give the target of the request line'];

it('answers a publish, /stats, /openapi.json and an error where there is nothing but Web globals', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const bundle = await build({
    stdin: { contents: SCRIPT, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['worker', 'import'],
    logLevel: 'silent',
  });
  const [script] = bundle.outputFiles;
  if (!script) throw new Error('nothing was bundled');
  const globals = Object.fromEntries(WEB_GLOBALS.map((name) => [name, Reflect.get(globalThis, name)]));
  const context = createContext(globals);
  runInContext(script.text, context);
  expect(JSON.parse(await runInContext('result', context))).toEqual({
    published: [
      { address: { vhost: 'vhost', exchange: 'exchange', routingKey: 'key' }, body: 'hi', type: 'text/plain' },
      { address: { vhost: 'v', exchange: 'x', routingKey: 'k' }, body: 'zipped' },
    ],
    decoded: 204,
    targetless: [NO_TARGET, NO_TARGET],
    ok: 204,
    refused: [401, 'urn:statelessd:unauthenticated'],
    stats: [200, { port: 8000 }],
    openApi: [200, '3.1.1'],
  });
});

it.each([
  ['Buffer', 'export const bytes = Buffer.alloc(1);'],
  ['process', 'export const pid = process.pid;'],
  ['node:fs', "export { readFileSync } from 'node:fs';"],
  ['rabbitmq-client', "export { Connection } from 'rabbitmq-client';"],
])('is not allowed %s by the compiler', (_, code) => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const directory = mkdtempSync(join(root, '.local-wall-'));
  try {
    writeFileSync(join(directory, 'code.ts'), code);
    writeFileSync(
      join(directory, 'tsconfig.json'),
      JSON.stringify({ extends: '../src/handler/tsconfig.json', include: ['.'] }),
    );
    const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', directory], { encoding: 'utf8' });
    expect(status).not.toBe(0);
    expect(stdout).toContain('error TS');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

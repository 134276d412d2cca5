import { hostname } from 'node:os';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, basic, http, raw } from './support/http.ts';
import { Topology } from './support/topology.ts';

const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' };
const EVIL = 'evil.example:8000';
const PAGES = [
  '/',
  '/stats',
  '/stats?scope=all',
  '/metrics',
  '/openapi.json',
  '/static/dashboard.js',
  '/static/dashboard.css',
  '/favicon.ico',
];

/** What a name is that an attacker has resolved to the gateway's address (DNS rebinding). */
describe('under a foreign name', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start({ http: { hosts: ['MQ.Example.com', 'Bücher.example'] } });
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway?.stop();
    await topology?.delete();
  });

  type Headers = Record<string, string>;
  const get = (path: string, headers: Headers): Promise<Answer> => http(gateway.port, path, { method: 'GET', headers });
  const post = (headers: Headers, path = `/${topology.segment}/x/k`, body = 'x'): Promise<Answer> =>
    http(gateway.port, path, {
      user: topology.user,
      body,
      headers: { 'content-type': 'application/octet-stream', ...headers },
    });
  const json = { 'content-type': 'application/json' };
  const CALL = JSON.stringify({ properties: {}, routing_key: 'k', payload: 'x', payload_encoding: 'string' });

  it.each(PAGES)('a browser gets none of what is for operators, and is told which setting counts: %s', async (path) => {
    const answer = await get(path, { host: EVIL, ...BROWSER });
    expect([answer.status, answer.problem.type]).toEqual([403, 'urn:statelessd:cross-site']);
    expect(answer.problem.detail).toMatch(/HTTPServer\.hosts; Host is "evil\.example:8000"$/);
  });

  it.each<[string, Headers]>([
    ['User-Agent', BROWSER],
    ['Origin', { origin: `http://${EVIL}` }],
    ['Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin' }],
    ['Sec-Fetch-Mode', { 'sec-fetch-mode': 'navigate' }],
    ['Sec-Fetch-Dest', { 'sec-fetch-dest': 'document' }],
  ])('a browser is known by its %s, and cannot publish', async (_, headers) => {
    const browser = { host: EVIL, ...headers };
    expect((await get('/stats', browser)).status).toBe(403);
    const answer = await post(browser);
    expect([answer.status, answer.problem.type, answer.problem.published]).toEqual([
      403,
      'urn:statelessd:cross-site',
      'no',
    ]);
    expect(answer.problem.detail).toContain('HTTPServer.hosts');
    expect(
      (await post({ ...browser, ...json }, `/${topology.segment}/x`, '[{"routing_key":"k","body":"x"}]')).status,
    ).toBe(403);
    expect((await post({ ...browser, ...json }, `/api/exchanges/${topology.segment}/x/publish`, CALL)).status).toBe(
      403,
    );
    expect(await topology.drain()).toEqual([]);
  });

  it('Node’s fetch is a program', async () => {
    const dispatcher = new Agent({
      connect: { lookup: (_, __, found) => found(null, [{ address: '127.0.0.1', family: 4 }]) },
    });
    onTestFinished(() => dispatcher.close());
    const base = `http://evil.example:${gateway.port}`;
    const headers = { authorization: basic(topology.user), 'content-type': 'application/octet-stream' };
    const sent = await fetch(`${base}/${topology.segment}/x/k`, { method: 'POST', body: 'x', headers, dispatcher });
    expect(sent.status).toBe(204);
    expect((await fetch(`${base}/stats`, { dispatcher })).status).toBe(200);
  });

  it('programs publish, and read what operators may', async () => {
    const curl = { host: EVIL, 'user-agent': 'curl/8.0' };
    expect((await post(curl)).status).toBe(204);
    expect((await post({ host: EVIL })).status).toBe(204);
    for (const path of PAGES) expect([path, (await get(path, curl)).status]).toEqual([path, 200]);
  });

  it.each([
    '127.0.0.1',
    '127.0.0.1:8000',
    '192.0.2.7:80',
    '2130706433',
    '[::1]:8000',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]:',
    '[fe80::1%25eth0]:8000',
    'localhost',
    'LocalHost.:8000',
    'gateway.localhost:8000',
    hostname(),
    `${hostname().split('.')[0]?.toUpperCase()}:8000`,
    'mq.example.com',
    'MQ.EXAMPLE.COM.:443',
    'xn--bcher-kva.example',
  ])('%s is none', async (host) => {
    expect((await get('/stats', { host, ...BROWSER })).status).toBe(200);
    expect((await post({ host, ...BROWSER })).status).toBe(204);
    expect((await post({ host, origin: `http://${host}`.toLowerCase() })).status).toBe(204);
  });

  it.each([
    'localhost.evil.example',
    'evil-localhost',
    'localhost.localdomain.evil',
    '127.0.0.1.evil.example',
    '127.0.0.1.nip.io:8000',
    'mq.example.com.evil.example',
    'evil.mq.example.com',
    'xn--bcher-kva.example.evil',
    '0x7f.evil',
    'com',
    '.',
  ])('%s is one', async (host) => {
    expect((await get('/stats', { host, ...BROWSER })).status).toBe(403);
    expect((await post({ host, ...BROWSER })).status).toBe(403);
  });

  it.each([
    ['no', ''],
    ['an empty', 'Host:\r\n'],
  ])('is a browser with %s Host, and no program', async (_, line) => {
    const ask = (agent: string): Promise<string> =>
      raw(gateway.port, `GET /stats HTTP/1.0\r\n${line}User-Agent: ${agent}\r\n\r\n`);
    expect(await ask('Mozilla/4.0 (compatible; MSIE 5.0)')).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask('curl/8.0')).toMatch(/^HTTP\/1.1 200 /);
  });

  it('a browser does not learn from /readyz where RabbitMQ is', async () => {
    const alone = await gatewayForTest({ rabbitmq: { host: '127.0.0.1', port: 1 } });
    await alone.says('RabbitMQ cannot be reached');
    const unreachable = async (headers: Headers) =>
      JSON.parse((await http(alone.port, '/readyz', { method: 'GET', headers })).text).unreachable.length;
    expect(await unreachable({ host: EVIL, ...BROWSER })).toBe(0);
    expect(await unreachable({ host: 'localhost', ...BROWSER })).toBe(1);
    expect(await unreachable({ host: EVIL })).toBe(1);
  });
});

describe('what is for operators', () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    gateway = await GatewayProcess.start();
  });
  afterAll(() => gateway.stop());

  it.each(PAGES)('may be no part of another site’s page: %s', async (path) => {
    const { headers } = await http(gateway.port, path, { method: 'GET' });
    expect(headers).toMatchObject({
      'cross-origin-resource-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    if (!path.startsWith('/static') && path !== '/favicon.ico')
      expect(headers['cache-control']).toBe(path === '/' ? 'no-cache' : 'no-store');
  });

  it('has a page that stands in no frame', async () => {
    const { headers } = await http(gateway.port, '/', { method: 'GET' });
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['content-security-policy']).toBe(
      "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
  });
});

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ClaimedPort, claimFreePort } from '../wrangler-free-local/ports.ts';
import { type Browser, openBrowser } from './support/browser.ts';
import { GatewayProcess } from './support/gateway.ts';
import { http } from './support/http.ts';
import { Topology } from './support/topology.ts';

type Sender = readonly [name: string, script: (target: string) => string];

/** What a page can send to another site without asking for leave: the browser goes there with a form, */
const FORMS: readonly Sender[] = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'].map(
  (type) => [`a form, ${type}`, (target) => submit(target, type)],
);

/** or stays where it is. */
const REQUESTS: readonly Sender[] = [
  ['fetch, a form', (target) => `fetch('${target}', { ${CREDENTIALS}, body: new URLSearchParams({ body: 'x' }) })`],
  ['fetch, text', (target) => `fetch('${target}', { ${CREDENTIALS}, body: 'x' })`],
  ['a beacon', (target) => `navigator.sendBeacon('${target}', 'x')`],
];

const CREDENTIALS = `method: 'POST', mode: 'no-cors', credentials: 'include'`;

const submit = (target: string, type: string): string => `{
  const form = Object.assign(document.createElement('form'), { method: 'POST', action: '${target}', enctype: '${type}' });
  form.append(Object.assign(document.createElement('input'), { name: 'body', value: 'x' }));
  document.body.append(form);
  form.submit();
}`;

/** A visitor's browser that has logged in to the gateway, and pages of others. */
describe('in a browser that knows the visitor’s password', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let claims: ClaimedPort[];
  let pages: Server[];
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    claims = [await claimFreePort(), await claimFreePort()];
    pages = await Promise.all(claims.map(({ port }) => servePages(port)));
    gateway = await GatewayProcess.start({ http: { origins: [allowed(), allowed('localhost')] } });
    browser = await openBrowser();
    page = await browser.context.newPage();
    await logIn();
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
    for (const server of pages ?? []) server.close();
    for (const claim of claims ?? []) claim.release();
    await topology?.delete();
  });

  const origin = (port: number | undefined, host = '127.0.0.1'): string => `http://${host}:${port}`;
  const evil = (host?: string): string => origin(claims[0]?.port, host);
  const allowed = (host?: string): string => origin(claims[1]?.port, host);
  const home = (): string => `${origin(gateway.port)}/`;
  const target = (): string => `${origin(gateway.port)}/${topology.segment}/x/k`;

  /** The browser asks, is told who it must be, and remembers. */
  async function logIn(): Promise<void> {
    const { username, password } = topology.user;
    await page.goto(home());
    const status = await page.evaluate(`new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open('POST', '${target()}', true, '${username}', '${password}');
      request.onloadend = () => resolve(request.status);
      request.send('x');
    })`);
    expect(status).toBe(204);
  }

  /** Goes to a page, has it send something to the gateway, and gives the answer's status, which only we can see. */
  async function sendFrom(address: string, script: string): Promise<number> {
    await page.goto(address);
    const answered = page.waitForResponse((response) => response.url() === target());
    await page.evaluate(`{ ${script}; }`);
    const status = (await answered).status();
    // A form takes the browser along, unless there is nothing to show; the next page must not come between.
    if (status !== 204 && script.includes('form.submit()')) await page.waitForURL(target());
    return status;
  }

  describe.each([
    ['another port of the same host', () => evil()],
    ['another host', () => evil('localhost')],
    ['another port, hiding its origin', () => `${evil()}/no-referrer`],
    ['another host, hiding its origin', () => `${evil('localhost')}/no-referrer`],
  ])('a page of %s cannot publish', (_, address) => {
    it.each([...FORMS, ...REQUESTS])('with %s', async (_name, script) => {
      expect(await sendFrom(address(), script(target()))).toBe(403);
      expect(await topology.drain()).toEqual([]);
    });
  });

  // The proof that the above means anything: the browser does send the password along.
  describe.each([
    ['another port of the same host', () => allowed(), [...FORMS, ...REQUESTS]],
    // Chromium keeps what it knows of a site from requests that pages of others make in place.
    ['another host', () => allowed('localhost'), FORMS],
  ])('a page of %s that HTTPServer.origins lists can publish', (_, address, senders) => {
    it.each(senders)('with %s', async (_name, script) => {
      expect(await sendFrom(address(), script(target()))).toBe(204);
      expect((await topology.only()).content.toString()).toMatch(/^(body=)?x(\r\n)?$/);
    });
  });

  it('a page of another site cannot send what it must ask for first', async () => {
    await page.goto(evil());
    const asking = `headers: { 'content-type': 'application/json' }, credentials: 'include', body: '1'`;
    const outcome = `fetch('${target()}', { method: 'POST', ${asking} }).then(({ status }) => status, ({ name }) => name)`;
    expect(await page.evaluate(outcome)).toBe('TypeError');
    expect(await topology.drain()).toEqual([]);
  });

  it('what a browser asks before it publishes is answered under the request id that it names', async () => {
    const answer = await http(gateway.port, `/${topology.segment}/x/k`, {
      method: 'OPTIONS',
      headers: { origin: allowed(), 'access-control-request-method': 'POST', 'x-request-id': 'asked-1' },
    });
    expect([answer.status, answer.headers['x-request-id']]).toEqual([204, 'asked-1']);
  });

  it.each([
    ['another port', () => allowed()],
    ['another host', () => allowed('localhost')],
  ])('a listed page of %s can, with a login of its own, and read the answer', async (_, address) => {
    const { username, password } = topology.user;
    await page.goto(address());
    const asking = `headers: { authorization: 'Basic ' + btoa('${username}:${password}'), 'content-type': 'application/json' }`;
    const reading =
      '(answer) => [answer.status, answer.headers.get("statelessd-error"), answer.headers.has("x-request-id")]';
    const send = (to: string) =>
      page.evaluate(`fetch('${to}', { method: 'POST', ${asking}, body: '1' }).then(${reading})`);
    expect(await send(target())).toEqual([204, null, true]);
    expect((await topology.only()).properties.contentType).toBe('application/json');
    const missing = target().replace('/x/', '/missing/');
    expect(await send(missing)).toEqual([404, 'exchange-not-found; published=no', true]);
  });

  it('a listed page cannot read the figures', async () => {
    await page.goto(allowed());
    const outcome = `fetch('${home()}stats').then(({ status }) => status, ({ name }) => name)`;
    expect(await page.evaluate(outcome)).toBe('TypeError');
  });

  it('the gateway’s own page can', async () => {
    await page.goto(home());
    const sending = `fetch('${target()}', { method: 'POST', body: 'own' }).then(({ status }) => status)`;
    expect(await page.evaluate(sending)).toBe(204);
    expect((await topology.only()).content.toString()).toBe('own');
  });
});

/** A page that has its own name resolved to the gateway's address, and so is of the same site as the gateway. */
describe('in a browser that takes the gateway for a part of a foreign site', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let claim: ClaimedPort;
  let foreign: Server;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    claim = await claimFreePort();
    foreign = await servePages(claim.port);
    gateway = await GatewayProcess.start();
    browser = await openBrowser('--host-resolver-rules=MAP evil.example 127.0.0.1');
    page = await browser.context.newPage();
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
    foreign?.close();
    claim?.release();
    await topology?.delete();
  });

  const rebound = (path = '/'): string => `http://evil.example:${gateway.port}${path}`;
  const own = (path = '/', host = '127.0.0.1'): string => `http://${host}:${gateway.port}${path}`;
  const path = (): string => `/${topology.segment}/x/k`;

  it.each(['/', '/stats', '/stats?scope=all', '/metrics', '/openapi.json', '/static/dashboard.js', '/favicon.ico'])(
    'it reads nothing of %s',
    async (secret) => {
      const response = await page.goto(rebound(secret));
      expect(response?.status()).toBe(403);
      const read = await page.evaluate(
        `fetch('${secret}').then(async (answer) => [answer.status, await answer.text()])`,
      );
      expect(read).toEqual([403, expect.stringContaining('urn:statelessd:cross-site')]);
    },
  );

  it.each([...FORMS, ...REQUESTS])('it publishes nothing with %s', async (_, script) => {
    const { username, password } = topology.user;
    await page.goto(rebound('/healthz'));
    await page.setContent('<!doctype html><body>');
    const answered = page.waitForResponse((response) => response.url().endsWith(path()));
    // A form takes a password along that stands in its address.
    const target = `http://${username}:${password}@evil.example:${gateway.port}${path()}`;
    await page.evaluate(`{ ${script(script('').includes('form') ? target : path())}; }`);
    expect((await answered).status()).toBe(403);
    expect(await topology.drain()).toEqual([]);
  });

  it('it publishes nothing with a login of its own', async () => {
    const { username, password } = topology.user;
    await page.goto(rebound('/healthz'));
    for (const [to, type, body] of [
      [path(), 'application/octet-stream', 'x'],
      [`/${topology.segment}/x`, 'application/x-ndjson', '{"routing_key":"k","body":"x"}'],
      [`/api/exchanges/${topology.segment}/x/publish`, 'application/json', '{}'],
    ]) {
      const headers = `{ authorization: 'Basic ' + btoa('${username}:${password}'), 'content-type': '${type}' }`;
      const sending = `fetch('${to}', { method: 'POST', headers: ${headers}, body: '${body}' }).then(({ status }) => status)`;
      expect([to, await page.evaluate(sending)]).toEqual([to, 403]);
    }
    expect(await topology.drain()).toEqual([]);
  });

  it.each(FORMS)(
    'a form of another site takes a password along in its address, and publishes nothing: %s',
    async (_, script) => {
      const { username, password } = topology.user;
      await page.goto(`http://evil.example:${claim.port}/`);
      const target = `http://${username}:${password}@127.0.0.1:${gateway.port}${path()}`;
      const answered = page.waitForResponse((response) => response.url().endsWith(path()));
      await page.evaluate(`{ ${script(target)}; }`);
      expect((await answered).status()).toBe(403);
      expect(await topology.drain()).toEqual([]);
    },
  );

  const LOADED = `new Promise((resolve) => {
    element.onload = () => resolve('loaded');
    element.onerror = () => resolve('refused');
    document.body.append(element);
  })`;
  const EMBEDDINGS: readonly (readonly [string, (url: string) => string, unknown])[] = [
    [
      'a script',
      (url) => `{ const element = Object.assign(document.createElement('script'), { src: '${url}' }); ${LOADED} }`,
      'refused',
    ],
    ['an image', (url) => `{ const element = Object.assign(new Image(), { src: '${url}' }); ${LOADED} }`, 'refused'],
    [
      'a style',
      (url) =>
        `{ const element = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: '${url}' }); ${LOADED} }`,
      'refused',
    ],
    ['fetch', (url) => `fetch('${url}').then(() => 'read', () => 'refused')`, 'refused'],
    ['fetch, unread', (url) => `fetch('${url}', { mode: 'no-cors' }).then(() => 'loaded', () => 'refused')`, 'refused'],
    [
      'a frame',
      (url) => `{
        const frame = Object.assign(document.createElement('iframe'), { src: '${url}' });
        new Promise((resolve) => {
          frame.onload = () => resolve(frame.contentDocument === null ? 'refused' : 'read');
          document.body.append(frame);
        })
      }`,
      'refused',
    ],
  ];
  describe.each(['/stats', '/openapi.json', '/metrics', '/', '/static/dashboard.js', '/static/icon.svg'])(
    'a page of another site has no part of %s',
    (secret) => {
      it.each(EMBEDDINGS)('as %s', async (_, script, outcome) => {
        await page.goto(`http://evil.example:${claim.port}/`);
        expect(await page.evaluate(script(own(secret)))).toBe(outcome);
      });
    },
  );

  it('the dashboard cannot be framed, so that nobody presses its buttons unknowingly', async () => {
    await page.goto(`http://evil.example:${claim.port}/`);
    await page.setContent(`<iframe src="${own()}"></iframe>`);
    const frame = page.frames().find((each) => each !== page.mainFrame());
    await frame?.waitForLoadState();
    expect(await frame?.locator('#test').count()).toBe(0);
    expect(frame?.url()).toMatch(/^chrome-error:/);
  });

  it.each(['127.0.0.1', 'localhost', '[::1]', hostname()])(
    'under %s the dashboard works, and publishes',
    async (host) => {
      await page.goto(own('/', host));
      const fields = { vhost: topology.vhost, exchange: 'x', key: 'k', body: host, user: topology.user.username };
      for (const [name, value] of Object.entries(fields)) await page.locator(`#test [name=${name}]`).fill(value);
      await page.locator('#test [name=password]').fill(topology.user.password);
      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await page.locator('#test button').click();
      expect((await answered).status()).toBe(204);
      expect((await topology.only()).content.toString()).toBe(host);
    },
  );
});

async function servePages(port: number): Promise<Server> {
  const server = createServer(({ url }, response) => {
    response.setHeader('content-type', 'text/html');
    if (url === '/no-referrer') response.setHeader('referrer-policy', 'no-referrer');
    response.end('<!doctype html><title>A page</title><body>');
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

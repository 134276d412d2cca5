import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import axe from 'axe-core';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { type Browser, openBrowser } from './support/browser.ts';
import { GatewayProcess } from './support/gateway.ts';
import { FORM, http } from './support/http.ts';
import { portsOf, Topology, type User } from './support/topology.ts';

const run = promisify(execFile);

/** What the page asks every second is there within so many milliseconds. */
const SOON = { timeout: 20_000 };

describe('the dashboard, in a browser,', () => {
  let broker: Broker;
  let topology: Topology;
  let gateway: GatewayProcess;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  const foreign: string[] = [];

  beforeAll(async () => {
    broker = await startBroker({ name: 'dashboard', management: true });
    topology = await Topology.create(portsOf(broker));
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start({ broker: topology.broker, ports: 2, publishing: { publish_timeout: 2 } });
    browser = await openBrowser();
    page = await browser.context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('request', (request) => {
      if (new URL(request.url()).host !== `127.0.0.1:${gateway.port}`) foreign.push(request.url());
    });
    await page.goto(`http://127.0.0.1:${gateway.port}/`);
  });
  beforeEach(async () => {
    errors.length = 0;
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
    await broker?.close();
  });

  const post = (port = gateway.port, user: User = topology.user, key = 'k') =>
    http(port, `/${topology.segment}/x/${key}`, { user, body: 'body=x', headers: FORM });
  const says = (id: string, text: string | RegExp) =>
    expect.poll(() => page.locator(`#${id}`).textContent(), SOON).toMatch(text);
  const row = (user = topology.user): Locator => page.locator(`#connections tr[data-user="${user.username}"]`);
  /** What the row of a user says under a heading. */
  const cell = async (heading: string, user = topology.user): Promise<string | undefined> => {
    const headings = await page.locator('#connections th').allTextContents();
    return (await row(user).locator('td').allTextContents())[headings.indexOf(heading)];
  };
  const answered = async (status: number): Promise<string | undefined> =>
    (await page.locator(`#answers tr[data-status="${status}"] td`).allTextContents())[1];

  /** What a machine can find of the faults that keep people out. */
  async function faults(): Promise<string[]> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  }

  it('says that all is ready when nothing has happened yet', async () => {
    await says('state-word', /^Ready$/);
    await says('state-sentence', /^RabbitMQ can be reached/);
    await says('identity', /^version 1\.0\.0 on /);
    expect(await page.locator('#connections-empty').textContent()).toMatch(/^No connection has been opened yet/);
    expect(await page.locator('#connections').isVisible()).toBe(false);
    await says('tile-published', /^0$/);
    expect(await faults()).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('shows traffic while it flows, and its numbers afterwards', async () => {
    let flowing = true;
    let published = 0;
    const flow = (async () => {
      for (; flowing; published += 1) expect((await post(gateway.ports[published % 2])).status).toBe(204);
    })();
    await says('state-word', /^Healthy$/);
    await says('tile-published', /[1-9]/);
    await says('tile-p99', /^\d.* m?s$/);
    flowing = false;
    await flow;
    const shown = published.toLocaleString('en');
    await expect.poll(() => cell('Confirmed'), SOON).toBe(shown);
    await expect.poll(() => answered(204), SOON).toBe(shown);
    expect([await cell('Vhost'), await cell('State')]).toEqual([topology.vhost, 'connected']);
    await says('state-word', /^Idle$/);
    expect(await faults()).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('shows one backend alone where it is asked to', async () => {
    const [, second = 0] = gateway.ports;
    const stats = JSON.parse((await http(second, '/stats', { method: 'GET' })).text);
    const { publishes } = stats.connections[`${topology.vhost}:${topology.user.username}`];
    await page.selectOption('#view', `${second}/0`);
    await expect.poll(() => cell('Confirmed'), SOON).toBe(publishes.toLocaleString('en'));
    await page.selectOption('#view', '');
    expect(errors).toEqual([]);
  });

  it('shows a refused login', async () => {
    expect((await post(gateway.port, { username: topology.user.username, password: 'wrong' })).status).toBe(401);
    await expect.poll(() => answered(401), SOON).toBe('1');
    await says('state-notes', /logins refused: 1/);
    expect(errors).toEqual([]);
  });

  it('shows what was refused and what no queue took, by connection', async () => {
    await topology.exchange('nowhere');
    for (const exchange of ['nowhere', 'missing'])
      await http(gateway.port, `/${topology.segment}/${exchange}/k`, { user: topology.user, body: 'x' });
    await expect.poll(() => cell('Refused'), SOON).toBe('1');
    await expect.poll(() => cell('Unroutable'), SOON).toBe('1');
    expect(errors).toEqual([]);
  });

  it('publishes a test message, and shows the curl and PHP that do the same', async () => {
    await topology.drain();
    const { username, password } = topology.user;
    const fields = {
      vhost: topology.vhost,
      exchange: 'x',
      key: 'it’s/a key',
      user: username,
      body: `a 'quoted' "line"\nand $more \\`,
    };
    for (const [name, value] of Object.entries(fields)) await page.locator(`#test [name=${name}]`).fill(value);
    await page.locator('#test [name=password]').fill(password);
    await page.locator('#test [name=persistent]').check();
    await page.locator('#test button').click();
    await says('test-answer', /^204: confirmed by RabbitMQ\.$/);

    const directory = await mkdtemp(join(tmpdir(), 'statelessd-test-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const [curl, php] = [await page.locator('#curl').textContent(), await page.locator('#php').textContent()];
    expect(`${curl}${php}`).not.toContain(password);
    const env = { ...process.env, RABBITMQ_PASSWORD: password };
    expect((await run('sh', ['-c', curl ?? ''], { env })).stdout).toMatch(/^HTTP\/1.1 204/);
    await writeFile(join(directory, 'publish.php'), php ?? '');
    expect((await run('php', [join(directory, 'publish.php')], { env })).stdout).toBe('204\n');

    const messages = await topology.drain();
    expect(
      messages.map(({ content, fields: { routingKey }, properties }) => [
        String(content),
        routingKey,
        properties.contentType,
        properties.deliveryMode,
      ]),
    ).toEqual([1, 2, 3].map(() => [fields.body, fields.key, 'text/plain', 2]));
    expect(errors).toEqual([]);
  });

  it('publishes no test message to another address than the form says', async () => {
    await page.locator('#test [name=key]').fill('..');
    await page.locator('#test button').click();
    await says('test-answer', /^A vhost, exchange or routing key of dots alone cannot stand in a URL\.$/);
    await page.locator('#test [name=key]').fill('key');
  });

  it('says why a test message was not published', async () => {
    await page.locator('#test [name=exchange]').fill('missing');
    await page.locator('#test button').click();
    await says('test-answer', /^404: There is no such exchange .*Published: no\.$/);
  });

  it('finds and sorts connections with the keyboard', async () => {
    const other = await topology.addUser({ username: 'somebody-else', password: 'p' });
    expect((await post(gateway.port, other)).status).toBe(204);
    await expect.poll(() => row(other).isVisible(), SOON).toBe(true);
    const users = async () =>
      await page
        .locator('#connections tbody tr')
        .evaluateAll((rows) => rows.map((each) => each.getAttribute('data-user')));

    const confirmed = page.locator('#connections th', { hasText: 'Confirmed' });
    await confirmed.locator('button').press('Enter');
    expect([await confirmed.getAttribute('aria-sort'), await users()]).toEqual([
      'descending',
      [topology.user.username, other.username],
    ]);
    await confirmed.locator('button').press('Enter');
    expect([await confirmed.getAttribute('aria-sort'), await users()]).toEqual([
      'ascending',
      [other.username, topology.user.username],
    ]);

    await page.locator('#search').focus();
    await page.keyboard.type('SOMEBODY');
    expect(await users()).toEqual([other.username]);
    await page.locator('#search').fill('nobody at all');
    await says('connections-empty', /^No vhost or user/);
    await page.locator('#search').fill('');
    expect(errors).toEqual([]);
  });

  it.each([
    ['light', 360],
    ['dark', 360],
    ['light', 1280],
    ['dark', 1280],
  ] as const)('can be read in %s, %i pixels wide', async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    // The charts follow the window's size a frame later.
    await expect.poll(() => page.evaluate('document.documentElement.scrollWidth <= innerWidth'), SOON).toBe(true);
    expect(await faults()).toEqual([]);
  });

  it('says that the broker blocks, why, and since when', async () => {
    await broker.ctl(['set_vm_memory_high_watermark', '0.00001']);
    try {
      await expect
        .poll(async () => (await post()).headers['statelessd-error'], SOON)
        .toBe('broker-blocked; published=no');
      await says('state-word', /^Blocked$/);
      await says('state-sentence', /^RabbitMQ takes no messages: memory alarm since \d+ s\.$/);
      await expect.poll(() => cell('State'), SOON).toBe('blocked');
      expect(await faults()).toEqual([]);
    } finally {
      await broker.ctl(['set_vm_memory_high_watermark', '0.4']);
    }
    await says('state-word', /^(Idle|Healthy)$/);
    expect(errors).toEqual([]);
  });

  it('says that the broker is gone, and that it is back', async () => {
    await broker.kill();
    try {
      await says('state-word', /^Broker gone$/);
      await expect.poll(() => cell('State'), SOON).toBe('closed');
      expect((await post()).status).toBe(503);
      await expect.poll(() => answered(503), SOON).toMatch(/[1-9]/);
      expect(await faults()).toEqual([]);
    } finally {
      await broker.start();
    }
    await says('state-word', /^(Ready|Idle)$/);
    await expect.poll(async () => (await post()).status, SOON).toBe(204);
    await expect.poll(() => cell('State'), SOON).toBe('connected');
    expect(errors).toEqual([]);
  });

  it('asks nobody but the gateway', () => {
    expect(foreign).toEqual([]);
  });

  it('says when the gateway itself does not answer', async () => {
    gateway.kill('SIGTERM');
    await gateway.exited;
    await says('state-word', /^No answer$/);
    await says('state-sentence', /^The gateway has not answered for \d+ s\.$/);
  });
});

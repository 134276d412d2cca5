/** Takes the pictures of the dashboard in docs/: npm run screenshots */

import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { openBrowser } from '../support/browser.ts';
import { GatewayProcess } from '../support/gateway.ts';
import { basic } from '../support/http.ts';
import { portsOf, Topology } from '../support/topology.ts';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const TRAFFIC_MS = 60_000;

const USERS = ['shop', 'billing', 'mailer', 'sensors'];

const broker = await startBroker({ name: 'screenshots', management: true });
const topology = await Topology.create(portsOf(broker), 'production');
await topology.exchangeWithQueue('events', 'q', { 'x-max-length': 1000 });
const users = await Promise.all(USERS.map((username) => topology.addUser({ username, password: 'secret' })));
const gateway = await GatewayProcess.start({ broker: topology.broker, ports: 2 });
const browser = await openBrowser();
const agent = new Agent({ keepAlive: true });
let open = true;

/** One message after the other, with pauses that differ, and now and then one that goes nowhere. */
async function publish(user: (typeof users)[number], index: number): Promise<void> {
  for (let n = 0; open; n += 1) {
    const exchange = index === 0 && n % 400 === 399 ? 'missing' : 'events';
    const password = index === 2 && n % 500 === 499 ? 'wrong' : user.password;
    await new Promise<void>((resolve) => {
      const outgoing = request({
        host: '127.0.0.1',
        port: gateway.ports[n % 2],
        method: 'POST',
        path: `/production/${exchange}/order.paid`,
        agent,
        headers: { authorization: basic({ username: user.username, password }) },
      });
      outgoing.on('response', (response) => response.resume().on('end', resolve));
      outgoing.end('x'.repeat(500));
    });
    await delay(1 + index * 2 + 3 * (1 + Math.sin(n / 150 + index)));
  }
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${DOCS}${name}`, fullPage: true });
}

const traffic = users.map(publish);
const page = await browser.context.newPage();
await page.setViewportSize({ width: 1280, height: 900 });
await page.emulateMedia({ colorScheme: 'light' });
await page.goto(`http://127.0.0.1:${gateway.port}/`);
await delay(TRAFFIC_MS);
await picture(page, 'dashboard.png');
await page.emulateMedia({ colorScheme: 'dark' });
await page.setViewportSize({ width: 390, height: 844 });
await delay(2_000);
await picture(page, 'dashboard-phone.png');

open = false;
await Promise.all(traffic);
agent.destroy();
await browser.close();
await gateway.stop();
await broker.close();

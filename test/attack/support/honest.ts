/**
 * A process of honest clients, of several users, half of them with a connection for each request: of the gateway that is
 * attacked, and as many of one that is not. Each posts at a steady rate, one request after another, so that the rate falls
 * when answers are late. It tells every answer.
 */
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { FORM } from '../../support/http.ts';
import { CLIENTS, HONEST, type HonestPost, INTERVAL_MS, type Of } from './bystanders.ts';
import { send } from './send.ts';

const TIMEOUT_MS = 15_000;
/** Posts a second that are meant to be made at each gateway, and the share of them that is enough. */
const RATE = (CLIENTS * 1_000) / INTERVAL_MS;
const WARM = 0.95;

/** One post in so many is larger than what comes in one read. */
const LARGE_EVERY = 10;
const LARGE = 'x'.repeat(100_000);

const { attacked, control, segment, users } = v.parse(HONEST, JSON.parse(process.argv[2] ?? ''));
const posts: HonestPost[] = [];
let stopped = false;

async function client(of: Of, port: number, n: number): Promise<void> {
  const agent = n % 2 === 0 && new Agent({ keepAlive: true, maxSockets: 1 });
  const user = users[n % users.length];
  if (!user) throw new Error('there are no honest users');
  let turn = n;
  let due = performance.now() + (n * INTERVAL_MS) / CLIENTS;
  while (!stopped) {
    await delay(Math.max(0, due - performance.now()));
    const id = randomUUID();
    const at = Date.now();
    turn += 1;
    const padding = turn % LARGE_EVERY === 0 ? LARGE : '';
    const body = `body=${id}%20${padding}&delivery_mode=1`;
    const call = { user, agent, headers: FORM, body, timeoutMs: TIMEOUT_MS };
    const { status, headers, text, milliseconds } = await send(port, `/${segment}/honest/k`, call);
    const error = String(headers['statelessd-error'] ?? (status === 0 ? text : ''));
    posts.push({ of, id, at, milliseconds, status, error });
    // What an answer was late is lost, and not made up for.
    due = Math.max(due + INTERVAL_MS, performance.now());
  }
  if (agent) agent.destroy();
}

const numbers = Array.from({ length: CLIENTS }, (_, n) => n);
const clients = Promise.all(numbers.flatMap((n) => [client('attacked', attacked, n), client('control', control, n)]));
/** Tells when both gateways, which have just started, have come up to the rate. */
const timer = setInterval(() => {
  const since = Date.now() - 1_000;
  const recent = posts.slice(-4 * RATE).filter(({ at, milliseconds }) => at + milliseconds >= since);
  const isWarm = (which: Of): boolean => recent.filter(({ of }) => of === which).length >= WARM * RATE;
  if (!isWarm('attacked') || !isWarm('control')) return;
  clearInterval(timer);
  process.send?.('warm');
}, 500);

process.once('disconnect', () => process.exit());
process.once('message', async () => {
  stopped = true;
  await clients;
  process.send?.(posts, () => process.disconnect());
});
process.send?.('ready');

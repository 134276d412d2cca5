/**
 * A process that asks for /healthz every 10 ms, by turns on a kept connection and on a new one, and whether or not
 * earlier answers have come; and, in the same way, a gateway that nobody attacks.
 */
import { Agent } from 'node:http';
import * as v from 'valibot';
import { HONEST, type Probe } from './bystanders.ts';
import { send } from './send.ts';

const EVERY_MS = 10;
const TIMEOUT_MS = 15_000;

const { attacked, control } = v.parse(HONEST, JSON.parse(process.argv[2] ?? ''));
const probes: Probe[] = [];
const pending = new Set<Promise<void>>();
const kept = new Agent({ keepAlive: true });
let turn = 0;

function ask(of: Probe['of'], port: number): void {
  const at = Date.now();
  const agent = turn % 2 === 0 && kept;
  const answered = send(port, '/healthz', { method: 'GET', agent, timeoutMs: TIMEOUT_MS }).then(
    ({ status, milliseconds }) => {
      probes.push({ of, at, milliseconds: status === 200 ? milliseconds : TIMEOUT_MS });
      pending.delete(answered);
    },
  );
  pending.add(answered);
}

const timer = setInterval(() => {
  turn += 1;
  ask('attacked', attacked);
  ask('control', control);
}, EVERY_MS);

process.once('disconnect', () => process.exit());
process.once('message', async () => {
  clearInterval(timer);
  await Promise.all(pending);
  kept.destroy();
  process.send?.(probes, () => process.disconnect());
});
process.send?.('ready');

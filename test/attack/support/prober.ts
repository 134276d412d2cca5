/**
 * A process that asks for /healthz every 10 ms, by turns on a kept connection and on a new one, and whether or not
 * earlier answers have come; and, in the same way, for a page of a server that has nothing else to do (the yardstick).
 */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import type { Probe } from './bystanders.ts';
import { send } from './send.ts';

const EVERY_MS = 10;
const TIMEOUT_MS = 15_000;

if (process.argv[2] === 'yardstick') {
  const server = createServer((_, response) => response.end('ok'));
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' ? address?.port : 0);
  });
  process.once('disconnect', () => process.exit());
} else await probe(Number(process.argv[2]));

async function probe(port: number): Promise<void> {
  const yardstick = fork(fileURLToPath(import.meta.url), ['yardstick'], { execArgv: ['--import', 'tsx'] });
  const [yardstickPort] = v.parse(v.tuple([v.number()]), (await once(yardstick, 'message')).slice(0, 1));
  const probes: Probe[] = [];
  const pending = new Set<Promise<void>>();
  const kept = new Agent({ keepAlive: true });
  let turn = 0;
  const ask = (of: Probe['of'], asked: number): void => {
    const at = Date.now();
    const agent = turn % 2 === 0 && kept;
    const answered = send(asked, '/healthz', { method: 'GET', agent, timeoutMs: TIMEOUT_MS }).then(
      ({ status, milliseconds }) => {
        probes.push({ of, at, milliseconds: status === 200 ? milliseconds : TIMEOUT_MS });
        pending.delete(answered);
      },
    );
    pending.add(answered);
  };
  const timer = setInterval(() => {
    turn += 1;
    ask('gateway', port);
    ask('yardstick', yardstickPort);
  }, EVERY_MS);
  process.once('message', async () => {
    clearInterval(timer);
    await Promise.all(pending);
    kept.destroy();
    yardstick.disconnect();
    process.send?.(probes, () => process.disconnect());
  });
  process.send?.('ready');
}

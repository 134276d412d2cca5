/**
 * `npm run blocking`: how long other clients wait while a request is handled that is as much work as 10 MB can be, and
 * while the broker returns 10 MB. The event loop is not to be blocked for over 50 ms.
 */
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { GatewayProcess } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { portsOf, Topology } from '../support/topology.ts';
import { bombs } from './bombs.ts';
import { nextMessage, startChild } from './child.ts';
import { quantile } from './clients.ts';

const MAX_BLOCK_MS = 50;
const ROUNDS = 5;

const broker = await startBroker({ name: 'blocking', management: true });
const topology = await Topology.create(portsOf(broker));
await topology.exchange('sink', 'fanout');
const gateway = await GatewayProcess.start({ broker: topology.broker });
const target = `/${topology.segment}/sink/k`;
const post = (contentType: string, body: Buffer, path = `${target}?mandatory=0`) =>
  http(gateway.port, path, { user: topology.user, headers: { 'content-type': contentType }, body });

// A process of its own: this one is busy with sending.
const prober = startChild('prober.ts', String(gateway.port));
await nextMessage(prober);

/** The longest that anybody waited for /healthz meanwhile, in milliseconds. */
async function longestWait(work: () => Promise<void>): Promise<number> {
  prober.send('begin');
  await work();
  prober.send('end');
  return Number(await nextMessage(prober));
}

let missed = 0;
async function measure(name: string, work: () => Promise<void>): Promise<void> {
  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) waits.push(await longestWait(work));
  const median = quantile(waits, 0.5);
  const met = median <= MAX_BLOCK_MS;
  if (!met) missed += 1;
  const all = waits.map((wait) => wait.toFixed(0)).join(', ');
  console.log(`${met ? 'met   ' : 'MISSED'}  ${name}: others waited for up to ${median.toFixed(0)} ms (${all})`);
}

await measure('nothing', () => new Promise((resolve) => setTimeout(resolve, 300)));
for (const { name, contentType, body, batch, refused = false } of bombs)
  await measure(name, async () => {
    const { status } = await (batch ? post(contentType, body, `/${topology.segment}/sink`) : post(contentType, body));
    const expected = refused ? [400, 413] : [204];
    if (!expected.includes(status)) throw new Error(`${name}: ${status}`);
  });
const json = Buffer.from(JSON.stringify(Array.from({ length: 1_000_000 }, (_, n) => n)));
await measure(`${json.length} bytes of JSON that the broker returns`, async () => {
  const { status } = await post('application/json', json, `${target}?mandatory=1`);
  if (status !== 404) throw new Error(`the returned JSON: ${status}`);
});
prober.disconnect();
await gateway.stop();
await broker.close();
process.exitCode = missed === 0 ? 0 : 1;

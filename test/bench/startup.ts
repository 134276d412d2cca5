/**
 * `npm run startup`: how long the built program takes from its start to its ready line, by when its port answers, and to
 * its first 204, for which it connects to the broker and proves the exchange.
 */
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { portsOf, Topology } from '../support/topology.ts';
import { quantile } from './clients.ts';
import { measureStarts } from './starts.ts';

const STARTS = 15;
const MAX_READY_MS = 500;
const MAX_204_MS = 1_000;

const broker = await startBroker({ name: 'startup', management: true });
const topology = await Topology.create(portsOf(broker));
await topology.exchange('sink', 'fanout');

const starts = await measureStarts(topology, STARTS);
await broker.close();

function report(name: string, times: readonly number[], atMost: number): boolean {
  const median = quantile(times, 0.5);
  const met = median <= atMost;
  const [fastest, slowest] = [Math.min(...times), Math.max(...times)].map((time) => time.toFixed(0));
  const spread = `${fastest} to ${slowest} in ${times.length} starts; at most ${atMost}`;
  console.log(`${met ? 'met   ' : 'MISSED'}  ${name}: ${median.toFixed(0)} ms (${spread})`);
  return met;
}

const met = [
  report(
    'until it is ready',
    starts.map(({ readyMs }) => readyMs),
    MAX_READY_MS,
  ),
  report(
    'until the first 204',
    starts.map(({ first204Ms }) => first204Ms),
    MAX_204_MS,
  ),
];
process.exitCode = met.every(Boolean) ? 0 : 1;

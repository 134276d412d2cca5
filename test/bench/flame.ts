/**
 * `npm run flame`: where the time of a post goes, and that of a message in a batch, as V8's profiler sees it. Writes
 * docs/flame-post.svg and docs/flame-batch.svg, which can be looked into where their pictures are opened by themselves.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { GatewayProcess } from '../support/gateway.ts';
import { backendsOf } from '../support/processes.ts';
import { portsOf, Topology } from '../support/topology.ts';
import { flameGraph, framesOf, timeByOrigin } from './comparison/flame-graph.ts';
import { batchPost, rawPost } from './comparison/measures.ts';
import { addSink } from './comparison/place.ts';
import { type Post, wrk } from './comparison/wrk.ts';

const DOCS = new URL('../../docs/', import.meta.url);
const WARM_UP_SECONDS = 3;
const SECONDS = 6;
const BATCH = 1_000;

const broker = await startBroker({ name: 'flame', management: true });
const topology = await Topology.create(portsOf(broker));
await addSink(topology, 'sink');
await draw('flame-post', 'The CPU of a post of 1 KB, 64 clients', rawPost(topology, 1024), 64, 1);
await draw('flame-batch', 'The CPU of a message of 1 KB in batches of 1,000', batchPost(topology, BATCH), 4, BATCH);
await broker.close();

async function draw(name: string, title: string, post: Omit<Post, 'port'>, clients: number, messagesAPost: number) {
  const directory = await mkdtemp(join(tmpdir(), 'statelessd-flame-'));
  const node = `exec "$0" --cpu-prof --cpu-prof-dir="${directory}" "$@"`;
  const gateway = await GatewayProcess.start({ broker: topology.broker, through: ['sh', '-c', node] });
  const pids = backendsOf(gateway.pid).map(({ pid }) => pid);
  await wrk({ ...post, port: gateway.port }, clients, WARM_UP_SECONDS);
  const { requests } = await wrk({ ...post, port: gateway.port }, clients, SECONDS);
  const endedAt = performance.now();
  await gateway.stop();
  const file = (await readdir(directory)).find((each) => pids.some((pid) => each.includes(`.${pid}.`)));
  const profile: unknown = JSON.parse(await readFile(join(directory, file ?? ''), 'utf8'));
  const idleMicros = (performance.now() - endedAt) * 1_000;
  const root = framesOf(profile, idleMicros + SECONDS * 1e6, idleMicros);
  const messages = requests * messagesAPost;
  await writeFile(new URL(`${name}.svg`, DOCS), flameGraph(title, root, messages));
  await rm(directory, { recursive: true });
  console.log(`docs/${name}.svg: ${(root.micros / messages).toFixed(1)} µs on the event loop, of which`);
  for (const [origin, micros] of timeByOrigin(root)) console.log(`  ${(micros / messages).toFixed(1)} µs: ${origin}`);
}

/**
 * `npm run clogged [MINUTES]`: refused posts, each of which leaves a line, with a log that cannot be written: one gateway
 * for each kind, all at once. Prints what was answered, and the memory of supervisor and backend in MiB.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { CloggedGateway, clogs } from '../support/clogs.ts';
import { portsOf, Topology } from '../support/topology.ts';

/** Between two batches to one gateway, so that the machine is not all that is measured. */
const PAUSE_MS = 200;

/** By then a process has what it keeps. */
const WARM_UP_ROUNDS = 20;

/** What garbage collection may leave. */
const MAX_GROWTH_MIB = 60;

const minutes = Number(process.argv[2] ?? 30);
const broker = await startBroker({ name: 'clogged', management: true });
const topology = await Topology.create(portsOf(broker));
// Bound to nothing that keeps the messages.
await topology.exchange('x', 'fanout');
const until = performance.now() + minutes * 60_000;

const rows = await Promise.all(
  clogs.map(async (clog) => {
    const gateway = await CloggedGateway.start(clog, topology);
    let before = gateway.memory;
    let most = before;
    for (let round = 0; round < WARM_UP_ROUNDS || performance.now() < until; round += 1) {
      await gateway.round();
      await delay(PAUSE_MS);
      const now = gateway.memory;
      if (round === WARM_UP_ROUNDS) before = now;
      most = round <= WARM_UP_ROUNDS ? now : now.map((mebibytes, at) => Math.max(mebibytes, most[at] ?? 0));
    }
    const after = gateway.memory;
    const code = await gateway.stop();
    const good = [...gateway.good].map(([status, count]) => `${count} × ${status}`).join(', ');
    const isFlat = most.length === before.length && most.every((now, at) => now - (before[at] ?? 0) <= MAX_GROWTH_MIB);
    const passed = isFlat && code === 0 && gateway.good.size === 1 && gateway.good.has(204);
    const memory = [before, most, after].map((each) => each.join(' + '));
    return { passed, cells: [clog.name, gateway.refused, good, ...memory, passed ? 'flat' : `NOT FLAT, exit ${code}`] };
  }),
);

const HEADS = ['log', 'refused posts', 'good posts', 'MiB at first', 'at most', 'at last', ''];
for (const cells of [HEADS, HEADS.map(() => '---'), ...rows.map((row) => row.cells)])
  console.log(`| ${cells.join(' | ')} |`);
await broker.close();
process.exitCode = rows.every(({ passed }) => passed) ? 0 : 1;

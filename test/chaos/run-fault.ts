import type { Fault } from './fault.ts';
import { type Entry, judge, type Verdict } from './ledger.ts';
import { Load } from './load.ts';
import type { World } from './world.ts';

export interface FaultRun {
  readonly verdict: Verdict;
  readonly entries: readonly Entry[];
}

const CLIENTS = 40;

/** Load before, during and after a fault; then the accounts. */
export async function runFault(fault: Fault, world: World, messagesAround: number): Promise<FaultRun> {
  await fault.prepare?.(world);
  const load = new Load({
    ports: world.gateway.ports,
    clients: CLIENTS,
    batchesOf: 20,
    shot: (n) => fault.shot?.(world, n) ?? world.innocent(n),
  });
  try {
    await load.answered(messagesAround);
    await fault.strike(world);
    await load.answered(load.entries.length + messagesAround);
  } finally {
    await load.stop();
  }
  const found = await world.readOut(await world.readableQueues());
  await fault.repair?.(world);
  return { entries: load.entries, verdict: judge(load.entries, found) };
}

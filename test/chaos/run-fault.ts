import type { Fault } from './faults.ts';
import { type Entry, judge, type Verdict } from './ledger.ts';
import { Load } from './load.ts';
import { World } from './world.ts';

export interface FaultRun {
  readonly verdict: Verdict;
  readonly entries: readonly Entry[];
}

const CLIENTS = 40;

/** Load before, during and after a fault; then the accounts. */
export async function runFault(fault: Fault, messagesAround: number): Promise<FaultRun> {
  const world = await World.create(fault.world);
  try {
    await fault.prepare?.(world);
    const load = new Load({
      ports: world.gateway.ports,
      clients: CLIENTS,
      shot: (n) => fault.shot?.(world, n) ?? world.innocent(n),
    });
    await load.answered(messagesAround);
    await fault.strike(world);
    await load.answered(load.entries.length + messagesAround);
    const entries = await load.stop();
    return { entries, verdict: judge(entries, await world.readOut(await world.readableQueues())) };
  } finally {
    await world.close();
  }
}

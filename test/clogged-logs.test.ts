import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CloggedGateway, clogs } from './support/clogs.ts';
import { Topology } from './support/topology.ts';

/** By then a process has what it keeps. */
const WARM_UP = 4;
const ROUNDS = 36;

/** What garbage collection may leave. Kept, the lines of these rounds would be over 100 MiB. */
const MAX_GROWTH_MIB = 60;

describe('a log that cannot be written', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());

  it.each(clogs)('stops neither start nor service nor stop, and fills no memory: $name', async (clog) => {
    const gateway = await CloggedGateway.start(clog, topology);
    let code: unknown;
    onTestFinished(async () => void (code ?? (await gateway.stop())));
    for (let round = 0; round < WARM_UP; round += 1) await gateway.round();
    const before = gateway.memory;
    for (let round = 0; round < ROUNDS; round += 1) await gateway.round();
    const growth = gateway.memory.map((mebibytes, at) => mebibytes - (before[at] ?? 0));
    expect([...gateway.good]).toEqual([[204, WARM_UP + ROUNDS]]);
    expect(growth.filter((mebibytes) => mebibytes > MAX_GROWTH_MIB)).toEqual([]);
    expect(before).toHaveLength(2);
    code = await gateway.stop();
    expect(code).toBe(0);
  });
});

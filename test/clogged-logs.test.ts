import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { CloggedGateway, clogs } from './support/clogs.ts';
import { gatewayForTest } from './support/for-test.ts';
import { http } from './support/http.ts';
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

  it('is no log that is read: of many lines at once none is lost', async () => {
    const gateway = await gatewayForTest({ publishing: { publish_timeout: 60 } });
    const batch = Array.from({ length: 10_000 }, (_, number) => ({
      routing_key: `${number}-`.padEnd(200, 'x'),
      body: '',
    }));
    const headers = { 'content-type': 'application/json' };
    const call = { user: topology.user, headers, body: JSON.stringify(batch) };
    expect((await http(gateway.port, `/${topology.segment}/missing`, call)).status).toBe(422);
    expect(await gateway.stop()).toBe(0);
    expect(new Set(gateway.stderr.match(/"routing_key":"[^"]*"/g)).size).toBe(10_000);
    expect(gateway.stderr).not.toContain('a log sink');
  });
});

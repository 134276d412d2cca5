import { afterAll, beforeAll, expect, it } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { keepAliveAgent } from './support/http.ts';
import { Load, lost } from './support/load.ts';
import { backendsOf } from './support/processes.ts';
import { Topology } from './support/topology.ts';

let topology: Topology;
beforeAll(async () => {
  topology = await Topology.create();
  await topology.exchangeWithQueue();
});
afterAll(() => topology.delete());
it.each([1,2,3,4,5,6])('measures %s', async () => {
  const gateway = await GatewayProcess.start({ ports: 8 });
  console.log(backendsOf(gateway.pid).length);
  const one = new Load(topology, { ports: gateway.ports, clients: 10 });
  const kept = new Load(topology, { ports: gateway.ports, clients: 10, agent: keepAliveAgent(1000) });
  await Promise.all([one.confirms(30, gateway.ports), kept.confirms(30, gateway.ports)]);
  gateway.kill('SIGTERM');
  const t = performance.now();
  const code = await gateway.exited;
  console.log('exit', code, performance.now() - t);
  for (const load of [one, kept]) {
    const attempts = await load.stop();
    const tally: Record<string, number> = {};
    for (const a of attempts) { const k = `${a.status} ${a.failure} ${a.connected}`; tally[k] = (tally[k] ?? 0) + 1; }
    console.log(tally);
  }
  console.log('lost', await lost(topology, [...one.attempts, ...kept.attempts]));
  await gateway.stop();
});

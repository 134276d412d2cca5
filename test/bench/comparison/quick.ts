/** What a post costs, against the floor: a first look. */
import * as v from 'valibot';
import { startBroker } from '../../../wrangler-free-local/broker.ts';
import { GatewayProcess } from '../../support/gateway.ts';
import { basic } from '../../support/http.ts';
import { backendsOf } from '../../support/processes.ts';
import { portsOf, Topology } from '../../support/topology.ts';
import { nextMessage, startChild } from '../child.ts';
import { cpuSecondsOf } from '../cpu.ts';
import { wrk } from './wrk.ts';

const rounds = Number(process.argv[2] ?? 3);
const clients = Number(process.argv[3] ?? 64);
const bytes = Number(process.argv[4] ?? 1024);
const SECONDS = 3;
const broker = await startBroker({ name: 'bench', management: true });
const topology = await Topology.create(portsOf(broker));
await topology.exchange('sink', 'fanout');
await topology.queue('q', { 'x-max-length': 1000 });
await topology.bind('sink', 'q', '');
const gateway = await GatewayProcess.start({ broker: topology.broker });
const [backend] = backendsOf(gateway.pid);
const http = startChild('comparison/floor-http.ts');
const { port } = v.parse(v.object({ port: v.number() }), await nextMessage(http));
const amqp = startChild('comparison/floor-amqp.ts');
const RESULT = v.object({
  messages: v.number(),
  seconds: v.number(),
  cpuSeconds: v.number(),
  p50: v.number(),
  p99: v.number(),
});
const headers = { Authorization: basic(topology.user), 'Content-Type': 'application/octet-stream' };
const body = Buffer.alloc(bytes, 'x');
const path = `/${topology.segment}/sink/k`;

async function http1(pid: number, toPort: number) {
  await wrk({ port: toPort, path, headers, body }, clients, 1);
  const before = [cpuSecondsOf(pid), cpuSecondsOf(broker.pid)] as const;
  const result = await wrk({ port: toPort, path, headers, body }, clients, SECONDS);
  const micros = ((cpuSecondsOf(pid) - before[0]) / result.requests) * 1e6;
  const brokerMicros = ((cpuSecondsOf(broker.pid) - before[1]) / result.requests) * 1e6;
  return { ...result, micros, brokerMicros };
}
for (let round = 0; round < rounds; round += 1) {
  const floor = await http1(http.pid ?? 0, port);
  amqp.send({
    port: broker.port,
    vhost: topology.vhost,
    ...topology.user,
    exchange: 'sink',
    bytes,
    clients,
    seconds: SECONDS,
    warmUpSeconds: 1,
  });
  const raw = v.parse(RESULT, await nextMessage(amqp));
  const rawMicros = (raw.cpuSeconds / raw.messages) * 1e6;
  const own = await http1(backend?.pid ?? 0, gateway.port);
  console.log(
    `http ${floor.micros.toFixed(1)} + amqp ${rawMicros.toFixed(1)} = ${(floor.micros + rawMicros).toFixed(1)}; ` +
      `own ${own.micros.toFixed(1)} us (${(own.requests / own.seconds).toFixed(0)}/s, p50 ${own.p50.toFixed(2)} p99 ${own.p99.toFixed(1)}, broker ${own.brokerMicros.toFixed(0)}) = ${(own.micros / (floor.micros + rawMicros)).toFixed(3)} x; raw ${(raw.messages / raw.seconds).toFixed(0)}/s p50 ${raw.p50.toFixed(2)}`,
  );
}
http.disconnect();
amqp.disconnect();
await gateway.stop();
await broker.close();

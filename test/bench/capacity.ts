/**
 * `npm run capacity`: what a machine carries that the broker and the clients share. Prints the tables of docs/scaling.md.
 * As many rounds as wanted may be given; of each load the fastest one is shown, for what else runs only makes it slower.
 */
import { cpus, totalmem } from 'node:os';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { GatewayProcess } from '../support/gateway.ts';
import { portsOf, Topology } from '../support/topology.ts';
import { measureFootprints } from './footprints.ts';
import { BODY_BYTES, type Figures, measureRates } from './rates.ts';

const rounds = Number(process.argv[2] ?? 3);
const broker = await startBroker({ name: 'capacity', management: true });
const topology = await Topology.create(portsOf(broker));
await topology.exchangeWithQueue('x', 'q', { 'x-max-length': 1000 });

const [cpu] = cpus();
const rabbitmq = (await broker.rpcEval('rabbit_misc:version().')).replaceAll('"', '');
console.log(
  `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}, RabbitMQ ${rabbitmq}; ` +
    `gateway, broker and clients on the same machine; bodies of ${BODY_BYTES} bytes; the fastest of ${rounds} rounds\n`,
);
console.log(
  '| backends | clients | posts a second | gateway CPU a post | broker CPU a message | answered in, p50 | p99 |\n' +
    '| ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
);
for (const ports of [1, 2]) {
  const gateway = await GatewayProcess.start({ broker: topology.broker, ports });
  for (const clients of [1, 8, 64]) {
    if (clients < ports) continue;
    const measured: Figures[] = [];
    for (let round = 0; round < rounds; round += 1)
      measured.push(await measureRates(gateway, broker, topology, clients));
    const best = measured.reduce((a, b) => (b.rate > a.rate ? b : a));
    console.log(
      `| ${ports} | ${clients} | ${best.rate.toFixed(0)} | ${best.gatewayMicros.toFixed(0)} µs | ` +
        `${best.brokerMicros.toFixed(0)} µs | ${best.p50.toFixed(1)} ms | ${best.p99.toFixed(1)} ms |`,
    );
  }
  await gateway.stop();
}

console.log('\n| | memory | descriptors |\n| --- | ---: | ---: |');
for (const row of await measureFootprints(broker, topology)) console.log(row);
await broker.close();

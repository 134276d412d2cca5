/**
 * `npm run capacity`: what a machine carries that the broker and the clients share. Prints the tables of docs/scaling.md.
 * Each load is measured in as many windows as are asked for, and the fastest one is shown.
 */
import { cpus, totalmem } from 'node:os';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { GatewayProcess } from '../support/gateway.ts';
import { portsOf, Topology } from '../support/topology.ts';
import { measureFootprints } from './footprints.ts';
import { BODY_BYTES, measureRates } from './rates.ts';

const windows = Number(process.argv[2] ?? 8);
const broker = await startBroker({ name: 'capacity', management: true });
const topology = await Topology.create(portsOf(broker));
await topology.exchangeWithQueue('x', 'q', { 'x-max-length': 1000 });

const [cpu] = cpus();
const rabbitmq = (await broker.rpcEval('rabbit_misc:version().')).replaceAll('"', '');
console.log(
  `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}, RabbitMQ ${rabbitmq}; ` +
    `gateway, broker and clients on the same machine; bodies of ${BODY_BYTES} bytes; the fastest of ${windows} windows\n`,
);
console.log(
  '| backends | clients | posts a second | gateway CPU a post | broker CPU a message | answered in, p50 | p99 |\n' +
    '| ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
);
for (const ports of [1, 2]) {
  const gateway = await GatewayProcess.start({ broker: topology.broker, ports });
  for (const clients of [1, 8, 64]) {
    if (clients < ports) continue;
    const { rate, gatewayMicros, brokerMicros, p50, p99 } = await measureRates(gateway, broker, topology, {
      clients,
      windows,
    });
    console.log(
      `| ${ports} | ${clients} | ${rate.toFixed(0)} | ${gatewayMicros.toFixed(0)} µs | ` +
        `${brokerMicros.toFixed(0)} µs | ${p50.toFixed(1)} ms | ${p99.toFixed(1)} ms |`,
    );
  }
  await gateway.stop();
}

console.log('\n| | memory | descriptors |\n| --- | ---: | ---: |');
for (const row of await measureFootprints(broker, topology)) console.log(row);
await broker.close();

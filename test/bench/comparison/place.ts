import type { ChildProcess } from 'node:child_process';
import * as v from 'valibot';
import { type Broker, startBroker } from '../../../wrangler-free-local/broker.ts';
import { GatewayProcess } from '../../support/gateway.ts';
import { backendsOf } from '../../support/processes.ts';
import { type BrokerPorts, portsOf, Topology } from '../../support/topology.ts';
import { nextMessage, startChild } from '../child.ts';

/** A process that takes posts. */
export interface Target {
  readonly port: number;
  /** Of all processes that serve it. */
  readonly pids: readonly number[];
}

/** What all subjects share: one broker, a sink, the gateway, and the floor beside it. */
export interface Place {
  readonly broker: Broker;
  readonly ports: BrokerPorts;
  /** With the exchange `sink`, whose queue keeps the last thousand messages. */
  readonly topology: Topology;
  readonly gateway: Target;
  /** Hono on its Node adapter, and rabbitmq-client, each in a process of its own. */
  readonly floor: { readonly http: Target; readonly amqp: ChildProcess };
  close(): Promise<void>;
}

export async function openPlace(): Promise<Place> {
  const broker = await startBroker({ name: 'bench', management: true });
  const topology = await Topology.create(portsOf(broker));
  await addSink(topology, 'sink');
  const gateway = await GatewayProcess.start({ broker: topology.broker });
  const http = startChild('comparison/floor-http.ts');
  const { port } = v.parse(v.object({ port: v.number() }), await nextMessage(http));
  const amqp = startChild('comparison/floor-amqp.ts');
  return {
    broker,
    ports: topology.broker,
    topology,
    gateway: { port: gateway.port, pids: backendsOf(gateway.pid).map(({ pid }) => pid) },
    floor: { http: { port, pids: [http.pid ?? 0] }, amqp },
    async close() {
      http.disconnect();
      amqp.disconnect();
      await gateway.stop();
      await broker.close();
    },
  };
}

export async function addSink(topology: Topology, exchange: string): Promise<void> {
  await topology.exchange(exchange, 'fanout');
  await topology.queue(`${exchange}-queue`, { 'x-max-length': 1000 });
  await topology.bind(exchange, `${exchange}-queue`, '');
}

import { startBroker } from '../../../wrangler-free-local/broker.ts';
import { otherRabbitmq } from '../../support/other-rabbitmq.ts';
import { type BrokerPorts, portsOf, sharedBroker } from '../../support/topology.ts';

export interface OpenBroker {
  readonly ports: BrokerPorts;
  close(): Promise<void>;
}

/** RabbitMQ 4.0 stamps each message when these are set, and encodes its headers anew for that. */
const INTERCEPTORS = {
  'message_interceptors.incoming.set_header_timestamp.overwrite': 'false',
  'message_interceptors.incoming.set_header_routing_node.overwrite': 'false',
};

/** Both versions of RabbitMQ, by name. */
export const brokers: readonly (readonly [string, () => Promise<OpenBroker>])[] = [
  ['RabbitMQ', async () => ({ ports: sharedBroker(), close: async () => {} })],
  [
    'another version of RabbitMQ, which stamps messages',
    async () => {
      const broker = await startBroker({
        name: 'world',
        installation: await otherRabbitmq(),
        management: true,
        plugins: ['rabbitmq_consistent_hash_exchange'],
        config: INTERCEPTORS,
      });
      return { ports: portsOf(broker), close: () => broker.close() };
    },
  ],
];

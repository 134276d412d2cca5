import { type Broker, type BrokerOptions, startBroker } from '../../wrangler-free-local/broker.ts';

/**
 * Starts RabbitMQ nodes on loopback that are one cluster. They are closed last to first: the first one has the port
 * mapper through which the others find each other.
 */
export async function startCluster(size: number, options: BrokerOptions = {}): Promise<[Broker, ...Broker[]]> {
  const first = await startBroker({ ...options, name: 'cluster0', management: true, definitions: {} });
  const nodes: [Broker, ...Broker[]] = [first];
  try {
    for (let n = 1; n < size; n += 1)
      nodes.push(await startBroker({ ...options, name: `cluster${n}`, management: true, joins: first }));
    // A node serves AMQP a moment before it has booted; a vhost that is declared meanwhile is waited for in vain.
    for (const node of nodes) await node.rpcEval('rabbit:await_startup()');
    return nodes;
  } catch (error) {
    for (const node of nodes.reverse()) await node.close();
    throw error;
  }
}

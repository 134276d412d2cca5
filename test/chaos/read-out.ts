import amqp from 'amqplib';
import type { BrokerPorts } from '../support/topology.ts';

/** A queue to read. */
export interface QueueRef {
  readonly vhost: string;
  readonly queue: string;
}

const QUIET_MS = 500;

/** Takes all messages out of the queues, and counts how often each id was there. */
export async function readOut(broker: BrokerPorts, queues: readonly QueueRef[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const { vhost, queue } of queues) {
    const connection = await amqp.connect({
      hostname: '127.0.0.1',
      port: broker.port,
      username: 'admin',
      password: 'admin',
      vhost: encodeURIComponent(vhost),
    });
    const channel = await connection.createChannel();
    let last = performance.now();
    await channel.consume(
      queue,
      (message) => {
        last = performance.now();
        const id = message?.content.toString('latin1').split(' ')[0] ?? '';
        found.set(id, (found.get(id) ?? 0) + 1);
      },
      { noAck: true },
    );
    // A queue is empty when it says so and nothing has come for a while.
    while (performance.now() - last < QUIET_MS || (await channel.checkQueue(queue)).messageCount > 0)
      await new Promise((resolve) => setTimeout(resolve, 50));
    await connection.close();
  }
  return found;
}

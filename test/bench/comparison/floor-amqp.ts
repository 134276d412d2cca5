/**
 * The AMQP half of the floor: rabbitmq-client publishing with confirms, so many messages at once. Told for how long, it
 * tells how many were confirmed and what CPU that took.
 */
import { Connection } from 'rabbitmq-client';
import * as v from 'valibot';

const ORDER = v.object({
  port: v.number(),
  vhost: v.string(),
  username: v.string(),
  password: v.string(),
  exchange: v.string(),
  bytes: v.number(),
  clients: v.number(),
  seconds: v.number(),
  warmUpSeconds: v.number(),
});

process.on('message', (message) => void measure(v.parse(ORDER, message)));
process.on('disconnect', () => process.exit());

async function measure(order: v.InferOutput<typeof ORDER>): Promise<void> {
  const { port, vhost, username, password, exchange, bytes, clients, seconds, warmUpSeconds } = order;
  const connection = new Connection({ hostname: '127.0.0.1', port, vhost, username, password, noDelay: true });
  const publisher = connection.createPublisher({ confirm: true });
  const body = Buffer.alloc(bytes, 'x');
  const envelope = { exchange, routingKey: 'k', durable: false, contentType: 'application/octet-stream' };
  let confirmed = 0;
  let running = true;
  const times: number[] = [];
  const client = async (): Promise<void> => {
    while (running) {
      const startedAt = performance.now();
      await publisher.send(envelope, body);
      times.push(performance.now() - startedAt);
      confirmed += 1;
    }
  };
  const working = Promise.all(Array.from({ length: clients }, client));
  await new Promise((resolve) => setTimeout(resolve, warmUpSeconds * 1000));
  times.length = 0;
  const before = { confirmed, cpu: process.cpuUsage(), at: performance.now() };
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const cpu = process.cpuUsage(before.cpu);
  const result = {
    messages: confirmed - before.confirmed,
    seconds: (performance.now() - before.at) / 1000,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    times: times.toSorted((a, b) => a - b),
  };
  running = false;
  await working;
  await publisher.close();
  await connection.close();
  const at = (q: number): number => result.times[Math.floor(q * (result.times.length - 1))] ?? 0;
  process.send?.({ ...result, times: undefined, p50: at(0.5), p99: at(0.99) });
}

import type { Properties } from '../../handler/publisher.ts';
import type { Delivery } from './delivery.ts';
import type { Returned } from './library.ts';

const COMPARED: readonly (keyof Properties)[] = [
  'messageId',
  'correlationId',
  'type',
  'userId',
  'replyTo',
  'expiration',
  'priority',
  'timestamp',
  'contentEncoding',
  'appId',
  'clusterId',
  'deliveryMode',
];

const canonicalHeaders = new WeakMap<Delivery, string>();

/**
 * The message that a basic.return, which carries no delivery tag, is about: the first that is the same in everything.
 * Of two such messages consumers cannot say either which one they got.
 */
export function findReturned(returned: Returned, candidates: Iterable<Delivery>): Delivery | undefined {
  const headers = canonical(returned.fields.headers);
  for (const delivery of candidates) if (agrees(returned, delivery) && headersOf(delivery) === headers) return delivery;
  return undefined;
}

function agrees(returned: Returned, { address, message: { properties }, body }: Delivery): boolean {
  if (returned.exchange !== address.exchange || returned.routingKey !== address.routingKey) return false;
  for (const field of COMPARED) if (returned.fields[field] !== properties[field]) return false;
  return returned.body.equals(body);
}

function headersOf(delivery: Delivery): string {
  let headers = canonicalHeaders.get(delivery);
  if (headers === undefined) {
    headers = canonical(delivery.message.properties.headers);
    canonicalHeaders.set(delivery, headers);
  }
  return headers;
}

/** RabbitMQ takes the BCC header out of what it returns, and leaves a table that was nothing but that empty. */
function canonical(headers: unknown): string {
  const entries = headers === undefined || headers === null ? [] : plain(headers);
  return JSON.stringify(Array.isArray(entries) ? entries.filter(([name]) => name !== 'BCC') : entries);
}

/**
 * Tables are sent as maps and come back as objects, in which numeric names move to the front and `__proto__` is lost.
 */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return entries
    .filter(([name]) => name !== '__proto__')
    .map(([name, member]) => [name, plain(member)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

import type { ReturnedMessage } from 'rabbitmq-client';
import type { Delivery } from './delivery.ts';

const COMPARED = [
  'exchange',
  'routingKey',
  'messageId',
  'correlationId',
  'type',
  'userId',
  'replyTo',
  'expiration',
  'priority',
  'timestamp',
  'contentType',
  'contentEncoding',
  'appId',
  'durable',
] as const;

/**
 * Whether a basic.return, which carries no delivery tag, is about this message: everything that could route it
 * differently is the same. Two messages that agree in all of it and differ in body alone are routed alike.
 */
export function isReturnOf(returned: ReturnedMessage, { envelope }: Delivery): boolean {
  for (const field of COMPARED) if ((returned[field] ?? undefined) !== (envelope[field] ?? undefined)) return false;
  return canonical(returned.headers) === canonical(envelope.headers);
}

function canonical(headers: unknown): string {
  return headers === undefined || headers === null ? '' : JSON.stringify(plain(headers));
}

/**
 * Tables are sent as maps and come back as objects, in which numeric names move to the front and `__proto__` is lost.
 */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return entries
    .filter(([name]) => name !== '__proto__')
    .map(([name, member]) => [name, plain(member)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

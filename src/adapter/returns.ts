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
  'contentEncoding',
  'appId',
  'durable',
] as const;

/**
 * Whether a basic.return, which carries no delivery tag, is about this message: all of it is the same. Of two
 * messages that are the same in everything, consumers cannot say either which one they got.
 */
export function isReturnOf(returned: ReturnedMessage, { envelope, body }: Delivery): boolean {
  for (const field of COMPARED) if (returned[field] !== envelope[field]) return false;
  if (canonical(returned.headers) !== canonical(envelope.headers)) return false;
  return Buffer.isBuffer(returned.body) && returned.body.equals(body);
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

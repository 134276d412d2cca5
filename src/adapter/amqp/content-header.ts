import { encodedTableSize } from '../../handler/message/headers-table.ts';
import type { Properties } from '../../handler/publisher.ts';

/** Class, weight, body size and flags. */
const FIXED_BYTES = 14;

/**
 * Bytes of a message's properties in AMQP's content header frame.
 * @see https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf section 4.2.6.1
 */
export function contentHeaderSize({ headers, deliveryMode, priority, timestamp, ...strings }: Properties): number {
  let size = FIXED_BYTES;
  for (const text of Object.values(strings)) size += 1 + Buffer.byteLength(text);
  if (headers) size += encodedTableSize(headers);
  if (deliveryMode !== undefined) size += 1;
  if (priority !== undefined) size += 1;
  if (timestamp !== undefined) size += 8;
  return size;
}

import type { Message } from '../publisher.ts';
import { encodeTable } from './table-encoding.ts';

/** The message in the form in which it takes the least memory, for it may have to wait. */
export function compact(message: Message): Message {
  const { properties } = message;
  const { headers } = properties;
  if (headers !== undefined && !(headers instanceof Uint8Array)) properties.headers = encodeTable(headers);
  return message;
}

/** Bytes that the headers of a compact message take. */
export const headersSize = ({ properties: { headers } }: Message): number =>
  headers instanceof Uint8Array ? headers.length : 0;

import type { HeaderTable, Message } from '../publisher.ts';
import { encodeTable } from './table-encoding.ts';

/**
 * The message in a form in which it does not take much more memory than its content, for it may have to wait. A table may
 * take fifty times its encoding: an empty one has five bytes of that. A buffer of its own would not be worth its cost for
 * a few short headers, which a table holds in a kilobyte.
 */
export function compact(message: Message): Message {
  const { properties } = message;
  const { headers } = properties;
  if (headers !== undefined && !(headers instanceof Uint8Array) && !isSmall(headers))
    properties.headers = encodeTable(headers);
  return message;
}

const FEW = 8;
const SHORT = 512;

function isSmall(headers: HeaderTable): boolean {
  if (headers.size > FEW) return false;
  let length = 0;
  for (const [name, value] of headers) {
    if (typeof value === 'object' && value !== null) return false;
    length += name.length + (typeof value === 'string' ? value.length : 0);
  }
  return length <= SHORT;
}

/** Memory that the headers of a compact message take, in bytes. */
export function headersSize({ properties: { headers } }: Message): number {
  if (headers === undefined) return 0;
  return headers instanceof Uint8Array ? headers.length : 2 * SHORT;
}

/** A table may hold tables: deeper ones are refused, for they are decoded by recursion. */
const MAX_DEPTH = 64;

const LENGTH_BYTES = 4;

/** Bytes of a value by the letter of its type; strings, arrays and tables have a length before them. */
const VALUE_BYTES: ReadonlyMap<string, number> = new Map([
  ['t', 1],
  ['b', 1],
  ['B', 1],
  ['s', 2],
  ['u', 2],
  ['I', 4],
  ['i', 4],
  ['f', 4],
  ['D', 5],
  ['l', 8],
  ['d', 8],
  ['T', 8],
  ['V', 0],
]);

/**
 * Where an encoded table ends, its length included. `undefined` where it is no table: it holds types that there are not,
 * is longer than its frame, or too deep.
 *
 * @see https://www.rabbitmq.com/amqp-0-9-1-errata#section_3
 */
export function endOfTable(bytes: Buffer, offset: number, depth = 0): number | undefined {
  return endOfList(bytes, offset, depth, (at) => at + 1 + (bytes[at] ?? 0));
}

/** @param toValue from the offset of a member to that of its type */
function endOfList(bytes: Buffer, offset: number, depth: number, toValue: (at: number) => number): number | undefined {
  const end = endOfLong(bytes, offset);
  if (end === undefined || depth > MAX_DEPTH) return undefined;
  let at: number | undefined = offset + LENGTH_BYTES;
  while (at !== undefined && at < end) at = endOfValue(bytes, toValue(at), end, depth);
  return at === end ? end : undefined;
}

function endOfValue(bytes: Buffer, offset: number, end: number, depth: number): number | undefined {
  if (offset >= end) return undefined;
  const type = String.fromCharCode(bytes[offset] ?? 0);
  switch (type) {
    case 'S':
    case 'x':
      return endOfLong(bytes, offset + 1);
    case 'F':
      return endOfTable(bytes, offset + 1, depth + 1);
    case 'A':
      return endOfList(bytes, offset + 1, depth + 1, (at) => at);
    default: {
      const size = VALUE_BYTES.get(type);
      return size === undefined ? undefined : offset + 1 + size;
    }
  }
}

/** Where what has a long length before it ends. */
export function endOfLong(bytes: Buffer, offset: number): number | undefined {
  if (offset + LENGTH_BYTES > bytes.length) return undefined;
  const end = offset + LENGTH_BYTES + bytes.readUInt32BE(offset);
  return end <= bytes.length ? end : undefined;
}

/** Where what has a short length before it ends. */
export function endOfShort(bytes: Buffer, offset: number): number | undefined {
  const length = bytes[offset];
  if (length === undefined) return undefined;
  const end = offset + 1 + length;
  return end <= bytes.length ? end : undefined;
}

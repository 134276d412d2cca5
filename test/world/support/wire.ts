import { connect, createServer, type Server } from 'node:net';
import amqp from 'amqplib';
import type { Topology } from '../../support/topology.ts';

/**
 * A header's value as it is encoded: the type's letter and the value (`I 200`, `d 1.5`, `S text`, `x base64`, `V`);
 * an AMQP array or table as one of these.
 */
export type Wire = string | readonly Wire[] | { readonly [name: string]: Wire };

/** The flags of basic's properties, in their order (AMQP 0-9-1, section 4.2.6.1), and how to skip those before headers. */
const CONTENT_TYPE = 0x8000;
const CONTENT_ENCODING = 0x4000;
const HEADERS = 0x2000;
const HEADER_FRAME = 2;

/** Takes everything out of a queue and gives the headers of each message as RabbitMQ encoded them, in order. */
export async function wireHeaders(topology: Topology, queue: string): Promise<readonly Record<string, Wire>[]> {
  const { server, seen } = await tap(topology.broker.port);
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the tap does not listen');
  const { username, password } = topology.user;
  const vhost = topology.segment;
  const connection = await amqp.connect({ hostname: '127.0.0.1', port: address.port, username, password, vhost });
  try {
    const channel = await connection.createChannel();
    while ((await channel.get(queue, { noAck: true })) !== false);
  } finally {
    await connection.close();
    server.close();
  }
  return seen;
}

/** A way to the broker that reads along what the broker says. */
async function tap(port: number): Promise<{ server: Server; seen: Record<string, Wire>[] }> {
  const seen: Record<string, Wire>[] = [];
  const server = createServer((client) => {
    const broker = connect(port, '127.0.0.1');
    let pending = Buffer.alloc(0);
    broker.on('data', (chunk) => {
      pending = readFrames(Buffer.concat([pending, chunk]), seen);
    });
    client.pipe(broker).pipe(client);
    for (const socket of [client, broker]) socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, seen };
}

/** Adds the headers of each content header frame to `seen`; returns the bytes of an unfinished frame. */
function readFrames(bytes: Buffer, seen: Record<string, Wire>[]): Buffer<ArrayBuffer> {
  let offset = 0;
  while (bytes.length - offset >= 7) {
    const end = offset + 7 + bytes.readUInt32BE(offset + 3) + 1;
    if (bytes.length < end) break;
    if (bytes[offset] === HEADER_FRAME) seen.push(headersOf(new Reader(bytes.subarray(offset + 7, end - 1))));
    offset = end;
  }
  return Buffer.from(bytes.subarray(offset));
}

function headersOf(frame: Reader): Record<string, Wire> {
  frame.take(12);
  const flags = frame.take(2).readUInt16BE();
  if (flags & CONTENT_TYPE) frame.shortString();
  if (flags & CONTENT_ENCODING) frame.shortString();
  return flags & HEADERS ? frame.table() : {};
}

class Reader {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  take(size: number): Buffer {
    if (size > this.#rest.length) throw new Error(`the frame ends ${size - this.#rest.length} bytes too early`);
    const bytes = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return bytes;
  }

  shortString(): string {
    return this.take(this.take(1).readUInt8()).toString();
  }

  longString(): Buffer {
    return this.take(this.take(4).readUInt32BE());
  }

  table(): Record<string, Wire> {
    const fields = new Reader(this.longString());
    const table: Record<string, Wire> = {};
    while (fields.#rest.length > 0) table[fields.shortString()] = fields.value();
    return table;
  }

  array(): Wire[] {
    const items = new Reader(this.longString());
    const array: Wire[] = [];
    while (items.#rest.length > 0) array.push(items.value());
    return array;
  }

  value(): Wire {
    const letter = this.take(1).toString('latin1');
    if (letter === 'A') return this.array();
    if (letter === 'F') return this.table();
    if (letter === 'V') return 'V';
    return `${letter} ${this.#scalar(letter)}`;
  }

  /** RabbitMQ's types: https://www.rabbitmq.com/amqp-0-9-1-errata, section 3. */
  #scalar(letter: string): string {
    switch (letter) {
      case 'S':
        return this.longString().toString();
      case 'x':
        return this.longString().toString('base64');
      case 't':
        return String(this.take(1).readUInt8() !== 0);
      case 'b':
        return String(this.take(1).readInt8());
      case 'B':
        return String(this.take(1).readUInt8());
      case 's':
        return String(this.take(2).readInt16BE());
      case 'u':
        return String(this.take(2).readUInt16BE());
      case 'I':
        return String(this.take(4).readInt32BE());
      case 'i':
        return String(this.take(4).readUInt32BE());
      case 'l':
        return String(this.take(8).readBigInt64BE());
      case 'T':
        return String(this.take(8).readBigUInt64BE());
      case 'f':
        return numeral(this.take(4).readFloatBE());
      case 'd':
        return numeral(this.take(8).readDoubleBE());
      case 'D': {
        const scale = this.take(1).readUInt8();
        return `${this.take(4).readInt32BE()}e-${scale}`;
      }
      default:
        throw new Error(`there is no type ${letter}`);
    }
  }
}

/** A double so that it can be read back, minus zero included. */
export const numeral = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

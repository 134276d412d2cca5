import type { Connection } from 'rabbitmq-client';
import { giveHandshake, negotiatedOf, socketOf } from './library.ts';
import { isConfirm, MECHANISM, methodFault, methodName, startOf, tuneFault } from './method-check.ts';
import { PeerFault, shownBytes } from './peer-fault.ts';
import { endOfShort, endOfTable } from './table-check.ts';

/** @see https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf section 2.3.5 */
const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8, end: 0xce } as const;

/** Class, weight, body size and flags of a content header. */
const HEADER_BYTES = 14;

/** The flags of a content header, each with what its property is. Section 4.2.6.1. */
const PROPERTIES: readonly (readonly [flag: number, skip: (bytes: Buffer, offset: number) => number | undefined])[] = [
  [0x8000, endOfShort],
  [0x4000, endOfShort],
  [0x2000, endOfTable],
  [0x1000, (_, at) => at + 1],
  [0x0800, (_, at) => at + 1],
  [0x0400, endOfShort],
  [0x0200, endOfShort],
  [0x0100, endOfShort],
  [0x0080, endOfShort],
  [0x0040, (_, at) => at + 8],
  [0x0020, endOfShort],
  [0x0010, endOfShort],
  [0x0008, endOfShort],
  [0x0004, endOfShort],
];

/** An old RabbitMQ is silent for 3 s after a login that it refuses, and then closes. */
const SILENT_REFUSAL_MS = 4_000;

/** What the peer says next while the connection is opened. */
type Expected = 'connection.start' | 'connection.tune' | 'connection.open-ok';

const HANDSHAKE: ReadonlySet<string> = new Set<Expected>(['connection.start', 'connection.tune', 'connection.open-ok']);

/**
 * Judges each frame before the client library reads it, which believes the lengths that it finds: it would ask Node for
 * gigabytes, and throw where nobody catches. A fault ends the connection, with the reason as its error.
 */
export class FrameGuard {
  readonly #connection: Connection;
  readonly #negotiated: { readonly frameMax: number };
  #reading: 'greeting' | 'head' | 'payload' = 'greeting';
  #expected: Expected | undefined = 'connection.start';
  #type = 0;
  #channel = 0;
  #tellsRefusals = true;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#negotiated = negotiatedOf(connection);
    const socket = socketOf(connection);
    const read = socket.read.bind(socket);
    socket.read = (size?: number) => {
      const bytes: unknown = read(size);
      // Node itself reads nothing, to be told when there is something.
      if (!Buffer.isBuffer(bytes) || size === undefined || size === 0) return bytes;
      const fault = bytes.length < size ? this.#cutShort(bytes) : this.#faultOf(bytes, () => read());
      if (fault === undefined) return bytes;
      socket.destroy(new PeerFault(fault));
      return null;
    };
  }

  /**
   * The login has been sent and not answered yet, to a broker that does not promise to tell when it refuses one. Such a
   * broker closes the connection without a word.
   */
  get closingIsRefusal(): boolean {
    return this.#expected === 'connection.tune' && !this.#tellsRefusals;
  }

  #faultOf(bytes: Buffer, rest: () => unknown): string | undefined {
    switch (this.#reading) {
      case 'greeting':
        this.#reading = 'head';
        return greetingFault(bytes, rest);
      case 'head':
        this.#reading = 'payload';
        return this.#headFault(bytes);
      case 'payload':
        this.#reading = 'head';
        return this.#payloadFault(bytes);
    }
  }

  /** The stream has ended within a frame, which the library notices itself, or before the first. */
  #cutShort(bytes: Buffer): string | undefined {
    return this.#reading === 'greeting' && bytes.length > 0 ? noAmqp(bytes) : undefined;
  }

  #headFault(head: Buffer): string | undefined {
    const type = head[0] ?? 0;
    const channel = head.readUInt16BE(1);
    const size = head.readUInt32BE(3);
    this.#type = type;
    this.#channel = channel;
    if (type !== FRAME.method && type !== FRAME.header && type !== FRAME.body && type !== FRAME.heartbeat)
      return `the peer sent a frame of the unknown type ${type}`;
    const { frameMax } = this.#negotiated;
    // RabbitMQ itself counts the 8 bytes around a payload in, others do not.
    if (size > frameMax) return `the peer sent a frame of ${size} bytes, over frame_max, which is ${frameMax}`;
    if (type === FRAME.heartbeat && (channel !== 0 || size !== 0)) return 'the peer sent a heartbeat with content';
    if ((type === FRAME.header || type === FRAME.body) && channel === 0) return 'the peer sent a message on channel 0';
    return undefined;
  }

  #payloadFault(bytes: Buffer): string | undefined {
    const size = bytes.length - 1;
    if (bytes[size] !== FRAME.end) return 'the peer sent a frame without its end: the stream is corrupt';
    if (this.#expected !== undefined && this.#type !== FRAME.method)
      return `the peer sent a frame of type ${this.#type} where ${this.#expected} was expected`;
    if (this.#type === FRAME.body) return undefined;
    if (this.#type === FRAME.method && this.#expected === undefined && this.#channel > 0 && isConfirm(bytes, size))
      return undefined;
    const payload = bytes.subarray(0, size);
    if (this.#type === FRAME.method) return this.#onMethod(payload);
    return this.#type === FRAME.header ? headerFault(payload) : undefined;
  }

  #onMethod(payload: Buffer): string | undefined {
    const name = methodName(payload);
    const fault = methodFault(name, payload, this.#channel);
    if (fault !== undefined || name === 'connection.close') return fault;
    if (this.#expected === undefined)
      return HANDSHAKE.has(name) ? `the peer sent ${name} on an open connection` : undefined;
    if (name !== this.#expected) return `the peer sent ${name} where ${this.#expected} was expected`;
    switch (this.#expected) {
      case 'connection.start':
        this.#expected = 'connection.tune';
        return this.#onStart(payload);
      case 'connection.tune':
        this.#expected = 'connection.open-ok';
        return tuneFault(payload);
      case 'connection.open-ok':
        this.#expected = undefined;
        return undefined;
    }
  }

  #onStart(payload: Buffer): string | undefined {
    const { mechanisms, tellsRefusals } = startOf(payload);
    if (!mechanisms.includes(MECHANISM))
      return `the peer offers no login with user name and password: ${shownBytes(Buffer.from(mechanisms.join(' ')))}`;
    this.#tellsRefusals = tellsRefusals;
    if (!tellsRefusals) giveHandshake(this.#connection, SILENT_REFUSAL_MS);
    return undefined;
  }
}

/** Every frame that may come first begins with the same octets: a method on channel 0, of less than 16 MB, of a class below 256. */
function greetingFault(bytes: Buffer, rest: () => unknown): string | undefined {
  if (bytes.toString('latin1', 0, 4) === 'AMQP')
    return `the peer wants another AMQP than 0-9-1: it sent ${shownBytes(bytes)}`;
  if (bytes.readUInt32BE(0) === FIRST_OCTETS && bytes[7] === 0) return undefined;
  const more = rest();
  return noAmqp(Buffer.isBuffer(more) ? Buffer.concat([bytes, more]) : bytes);
}

/** Type 1, channel 0, and the first octet of the length. */
const FIRST_OCTETS = 0x01_00_00_00;

const noAmqp = (bytes: Buffer): string => `the peer does not speak AMQP 0-9-1: it sent ${shownBytes(bytes)}`;

function headerFault(payload: Buffer): string | undefined {
  if (payload.length < HEADER_BYTES) return BROKEN_HEADER;
  const flags = payload.readUInt16BE(HEADER_BYTES - 2);
  let at: number | undefined = HEADER_BYTES;
  for (const [flag, skip] of PROPERTIES) if (at !== undefined && flags & flag) at = skip(payload, at);
  return at === undefined || at > payload.length ? BROKEN_HEADER : undefined;
}

const BROKEN_HEADER = 'the peer sent a broken message header';

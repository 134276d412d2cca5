import type { Channel, Connection } from 'rabbitmq-client';
import * as v from 'valibot';
import { LibraryChanged } from './library.ts';
import { PeerFault } from './peer-fault.ts';

/** What the broker says about the messages of a channel. */
export interface ConfirmEvents {
  /** Messages that were sent so far. */
  readonly published: number;
  /** Bytes of the longest of their bodies. */
  readonly longestBody: number;
  /** @param multiple it is about all messages up to that tag, too; of tag 0, about all */
  onAck(deliveryTag: number, multiple: boolean): void;
  onNack(deliveryTag: number, multiple: boolean): void;
  /** Comes before the confirm of the same message. */
  onReturn(returned: Returned): void;
}

/** A message that no queue took. */
export interface Returned {
  readonly exchange: string;
  readonly routingKey: string;
  /** Its properties, as the library decodes them. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** Types of frames and ids of methods, as the library has them. */
const FRAME = { method: 1, header: 2, body: 3 } as const;
const METHOD = { blocked: 0x0a003c, unblocked: 0x0a003d, return: 0x3c0032, ack: 0x3c0050, nack: 0x3c0078 } as const;

const reader = v.looseObject({
  _handleChunk: v.custom<(frame: unknown) => void>((value) => typeof value === 'function'),
  _state: v.looseObject({}),
});

const returnFrame = v.looseObject({ params: v.looseObject({ exchange: v.string(), routingKey: v.string() }) });
const headerFrame = v.looseObject({ bodySize: v.number(), fields: v.record(v.string(), v.unknown()) });
const bodyFrame = v.looseObject({ payload: v.instance(Buffer) });

/** Of a frame that the library has decoded. */
interface Frame {
  readonly type: unknown;
  readonly channelId: unknown;
  readonly methodId?: unknown;
}

/**
 * Takes the confirms and returns of a connection before the library does. The library would keep a promise for each
 * message, parse the body of a returned one by its content type, and tell of it after its confirm.
 */
export class MessageEvents {
  readonly #channels = new Map<unknown, ChannelReader>();

  constructor(connection: Connection) {
    if (!v.is(reader, connection)) throw new LibraryChanged('reads frames elsewhere');
    const { _state: state } = connection;
    const handle = connection._handleChunk.bind(connection);
    let blocked = false;
    connection._handleChunk = (frame) => {
      if (!isFrame(frame)) return handle(frame);
      // The library's sign of life.
      state.hasRead = true;
      switch (frame.type === FRAME.method ? frame.methodId : frame.type) {
        case METHOD.ack:
        case METHOD.nack:
          return this.#readerOf(frame).confirm(frame);
        case METHOD.return:
          return this.#readerOf(frame).return(frame);
        case FRAME.header:
        case FRAME.body:
          return this.#readerOf(frame).content(frame);
        case METHOD.blocked:
          // The library holds back what is written once for each.
          if (!blocked) handle(frame);
          blocked = true;
          return;
        case METHOD.unblocked:
          if (blocked) handle(frame);
          blocked = false;
          return;
        default:
          return handle(frame);
      }
    };
  }

  /** Until the channel is closed. */
  listen(channel: Channel, events: ConfirmEvents): void {
    const reader = new ChannelReader(events);
    this.#channels.set(channel.id, reader);
    channel.once('close', () => {
      if (this.#channels.get(channel.id) === reader) this.#channels.delete(channel.id);
    });
  }

  #readerOf({ channelId }: Frame): ChannelReader {
    const reader = this.#channels.get(channelId);
    if (!reader) throw new PeerFault(`the peer spoke about messages on channel ${channelId}, which has none`);
    return reader;
  }
}

function isFrame(frame: unknown): frame is Frame {
  return typeof frame === 'object' && frame !== null && 'type' in frame && 'channelId' in frame;
}

/** What comes on one channel: confirms, and returns whose frames must not have others between them. */
class ChannelReader {
  readonly #events: ConfirmEvents;
  #incoming: IncomingReturn | undefined;

  constructor(events: ConfirmEvents) {
    this.#events = events;
  }

  confirm(frame: Frame): void {
    this.#notWithin();
    const { deliveryTag, multiple } = confirmIn(frame);
    if (deliveryTag > this.#events.published || deliveryTag < (multiple ? 0 : 1))
      throw new PeerFault('the peer confirmed a message that was never sent');
    if (frame.methodId === METHOD.ack) this.#events.onAck(deliveryTag, multiple);
    else this.#events.onNack(deliveryTag, multiple);
  }

  return(frame: Frame): void {
    this.#notWithin();
    this.#incoming = new IncomingReturn(frame, this.#events.longestBody);
  }

  content(frame: Frame): void {
    if (!this.#incoming) throw new PeerFault('the peer sent a message to a client that consumes none');
    const returned = frame.type === FRAME.header ? this.#incoming.header(frame) : this.#incoming.part(frame);
    if (!returned) return;
    this.#incoming = undefined;
    this.#events.onReturn(returned);
  }

  #notWithin(): void {
    if (this.#incoming) throw new PeerFault('the peer sent a method in the middle of a returned message');
  }
}

// By hand and not by valibot, since this is done for each confirm.
function confirmIn(frame: object): { readonly deliveryTag: number; readonly multiple: boolean } {
  if ('params' in frame) {
    const { params } = frame;
    if (typeof params === 'object' && params !== null && 'deliveryTag' in params && 'multiple' in params) {
      const { deliveryTag, multiple } = params;
      if (typeof deliveryTag === 'number' && typeof multiple === 'boolean') return { deliveryTag, multiple };
    }
  }
  throw new LibraryChanged('has other confirms');
}

/** A return whose frames are under way: the method, then a header, then the body in parts. */
class IncomingReturn {
  readonly #method: v.InferOutput<typeof returnFrame>['params'];
  readonly #longest: number;
  #header: v.InferOutput<typeof headerFrame> | undefined;
  #body: Buffer = Buffer.alloc(0);
  #bytes = 0;

  /** @param longest bytes of a body that may come back */
  constructor(frame: unknown, longest: number) {
    if (!v.is(returnFrame, frame)) throw new LibraryChanged('has other returns');
    this.#method = frame.params;
    this.#longest = longest;
  }

  /** The return, where that was all of it. */
  header(frame: unknown): Returned | undefined {
    if (!v.is(headerFrame, frame)) throw new LibraryChanged('has other header frames');
    if (this.#header) throw new PeerFault('the peer sent a second header of a returned message');
    if (frame.bodySize > this.#longest) throw new PeerFault('the peer returned a longer message than was sent');
    this.#header = frame;
    this.#body = Buffer.allocUnsafe(frame.bodySize);
    return this.#ended(frame);
  }

  /** The return, where that was the last of it. */
  part(frame: unknown): Returned | undefined {
    if (!v.is(bodyFrame, frame)) throw new LibraryChanged('has other body frames');
    const { payload } = frame;
    if (!this.#header || this.#bytes + payload.length > this.#header.bodySize)
      throw new PeerFault('the peer returned more of a message than it had announced');
    payload.copy(this.#body, this.#bytes);
    this.#bytes += payload.length;
    return this.#ended(this.#header);
  }

  #ended({ bodySize, fields }: v.InferOutput<typeof headerFrame>): Returned | undefined {
    if (this.#bytes < bodySize) return undefined;
    const { exchange, routingKey } = this.#method;
    return { exchange, routingKey, fields, body: this.#body };
  }
}

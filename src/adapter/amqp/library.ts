import { Socket } from 'node:net';
import type { Channel, Connection } from 'rabbitmq-client';
import * as v from 'valibot';

/**
 * What is changed within rabbitmq-client. Each place is looked at before it is touched: with another version that has it
 * elsewhere, nothing is published, and the log says why.
 */
export class LibraryChanged extends Error {
  constructor(what: string) {
    super(`rabbitmq-client ${what}`);
    this.name = 'LibraryChanged';
  }
}

const withSocket = v.looseObject({ _socket: v.instance(Socket) });

export function socketOf(connection: Connection): Socket {
  if (!v.is(withSocket, connection)) throw new LibraryChanged('keeps its socket elsewhere');
  return connection._socket;
}

/** What a channel in confirm mode receives. */
export interface ConfirmEvents {
  /** @param multiple it is about all messages up to that tag, too */
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

/** Methods of the class basic, as the library has their ids. */
const METHOD = { return: 0x3c0032, ack: 0x3c0050, nack: 0x3c0078 } as const;

const frameReaders = v.looseObject({ _onMethod: v.function(), _onHeader: v.function(), _onBody: v.function() });

const methodFrame = v.looseObject({ params: v.looseObject({ exchange: v.string(), routingKey: v.string() }) });
const headerFrame = v.looseObject({ bodySize: v.number(), fields: v.record(v.string(), v.unknown()) });
const bodyFrame = v.looseObject({ payload: v.instance(Buffer) });

/**
 * Takes the confirms and returns of a channel before the library does. The library would keep a promise for each
 * message, parse the body of a returned one by its content type, and tell of it after its confirm.
 */
export function takeConfirms(channel: Channel, events: ConfirmEvents): void {
  if (!v.is(frameReaders, channel)) throw new LibraryChanged('reads frames elsewhere');
  const onMethod = channel._onMethod.bind(channel);
  let incoming: IncomingReturn | undefined;
  const take = (ended: Returned | undefined): void => {
    if (!ended) return;
    incoming = undefined;
    events.onReturn(ended);
  };
  channel._onMethod = (frame: unknown) => {
    switch (methodOf(frame)) {
      case METHOD.ack: {
        const { deliveryTag, multiple } = confirmIn(frame);
        return events.onAck(deliveryTag, multiple);
      }
      case METHOD.nack: {
        const { deliveryTag, multiple } = confirmIn(frame);
        return events.onNack(deliveryTag, multiple);
      }
      case METHOD.return:
        incoming = new IncomingReturn(frame);
        return;
      default:
        return onMethod(frame);
    }
  };
  channel._onHeader = (frame: unknown) => take(incoming?.header(frame));
  channel._onBody = (frame: unknown) => take(incoming?.part(frame));
}

function methodOf(frame: unknown): unknown {
  return typeof frame === 'object' && frame !== null && 'methodId' in frame ? frame.methodId : undefined;
}

// By hand and not by valibot, since this is done for each confirm.
function confirmIn(frame: unknown): { readonly deliveryTag: number; readonly multiple: boolean } {
  if (typeof frame === 'object' && frame !== null && 'params' in frame) {
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
  readonly #method: v.InferOutput<typeof methodFrame>['params'];
  #header: v.InferOutput<typeof headerFrame> | undefined;
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(frame: unknown) {
    if (!v.is(methodFrame, frame)) throw new LibraryChanged('has other returns');
    this.#method = frame.params;
  }

  /** The return, where that was all of it. */
  header(frame: unknown): Returned | undefined {
    if (!v.is(headerFrame, frame)) throw new LibraryChanged('has other header frames');
    this.#header = frame;
    return this.#ended();
  }

  /** The return, where that was the last of it. */
  part(frame: unknown): Returned | undefined {
    if (!v.is(bodyFrame, frame)) throw new LibraryChanged('has other body frames');
    this.#parts.push(frame.payload);
    this.#bytes += frame.payload.length;
    return this.#ended();
  }

  #ended(): Returned | undefined {
    if (!this.#header || this.#bytes < this.#header.bodySize) return undefined;
    const { exchange, routingKey } = this.#method;
    return { exchange, routingKey, fields: this.#header.fields, body: Buffer.concat(this.#parts) };
  }
}

const negotiated = v.looseObject({ _state: v.looseObject({ frameMax: v.number(), channelMax: v.number() }) });

/** What library and broker have agreed on: bytes of a frame, and channels. */
export function negotiatedOf(connection: Connection): { readonly frameMax: number; readonly channelMax: number } {
  if (!v.is(negotiated, connection)) throw new LibraryChanged('keeps its frame_max elsewhere');
  return connection._state;
}

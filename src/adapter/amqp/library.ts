import { Socket } from 'node:net';
import type { Channel, Connection } from 'rabbitmq-client';
import * as v from 'valibot';
import { TagMap } from './tag-map.ts';

/**
 * What is changed within rabbitmq-client. Each place is looked at before it is touched: with another version that has it
 * elsewhere, a backend ends at its first connection, and says why.
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

const headerReader = v.looseObject({ _onHeader: v.function() });
const contentHeader = v.looseObject({ fields: v.looseObject({ contentType: v.optional(v.string()) }) });

/**
 * The library parses the body of a returned message by its content type, and JSON of 10 MB stops the event loop for
 * long. Without a content type it stays bytes. It tells of a return a turn of the event loop after the confirm.
 */
export function watchReturns(channel: Channel, onReturn: () => void): void {
  if (!v.is(headerReader, channel)) throw new LibraryChanged('reads headers elsewhere');
  const readHeader = channel._onHeader.bind(channel);
  channel._onHeader = (frame: unknown) => {
    if (!v.is(contentHeader, frame)) throw new LibraryChanged('has other header frames');
    delete frame.fields.contentType;
    onReturn();
    readHeader(frame);
  };
}

const withUnconfirmed = v.looseObject({ _state: v.looseObject({ unconfirmed: v.instance(Map) }) });

/** The library keeps what waits for a confirm in a Map, by delivery tag. What that costs is told at TagMap. */
export function replaceUnconfirmed(channel: Channel): void {
  if (!v.is(withUnconfirmed, channel)) throw new LibraryChanged('keeps unconfirmed messages elsewhere');
  Object.assign(channel._state, { unconfirmed: new TagMap<unknown>() });
}

type Frames = Iterator<Uint8Array>;

const withEncoder = v.looseObject({
  _state: v.looseObject({
    stream: v.looseObject({
      _out: v.instance(Socket),
      writable: v.boolean(),
      writableLength: v.number(),
      writeAsync: v.custom<(frames: Frames) => Promise<void>>((value) => typeof value === 'function'),
    }),
  }),
});

const written = Promise.resolve();

/**
 * The library writes each message's frames through a stream of its own, which costs as much as encoding them. That is
 * for messages that must wait for the network; where none does, frames can go to the socket at once.
 *
 * It also takes a message for written, and expects its confirm, only when the network has room for more. Over TLS the
 * confirm may come before that, and would be lost: with its last frame a message is written.
 */
export function writeAtOnce(channel: Channel): void {
  if (!v.is(withEncoder, channel)) throw new LibraryChanged('encodes elsewhere');
  const { stream } = channel._state;
  const socket = stream._out;
  const writeInTurn = stream.writeAsync.bind(stream);
  stream.writeAsync = (frames) => {
    const rest = endingWithTheLast(frames, socket);
    if (stream.writableLength > 0 || !stream.writable || socket.writableNeedDrain) return writeInTurn(rest);
    try {
      for (let frame = rest.next(); !frame.done; frame = rest.next())
        if (!socket.write(frame.value)) return writeInTurn(rest);
    } catch (error) {
      return writeInTurn(failing(error));
    }
    return written;
  };
}

/** Writes the last frame itself, and ends with it. */
function endingWithTheLast(frames: Frames, socket: Socket): Frames {
  let ahead: IteratorResult<Uint8Array> | undefined;
  return {
    next() {
      const frame = ahead ?? frames.next();
      if (frame.done) return frame;
      ahead = frames.next();
      if (ahead.done) socket.write(frame.value);
      return ahead.done ? ahead : frame;
    },
  };
}

/** For the stream to fail with: what cannot be encoded ends its channel. */
function failing(error: unknown): Frames {
  return {
    next() {
      throw error;
    },
  };
}

const negotiated = v.looseObject({
  _opt: v.looseObject({ frameMax: v.number() }),
  _state: v.looseObject({ frameMax: v.number(), channelMax: v.number() }),
});

/**
 * The library negotiates frame_max but lets channels use the one it was configured with, which a broker with a
 * smaller one answers by closing the connection on the first large message.
 */
export function adoptNegotiated(connection: Connection): { readonly frameMax: number; readonly channelMax: number } {
  if (!v.is(negotiated, connection)) throw new LibraryChanged('keeps its frame_max elsewhere');
  connection._opt.frameMax = connection._state.frameMax;
  return connection._state;
}

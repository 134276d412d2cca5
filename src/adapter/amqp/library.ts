import { Socket } from 'node:net';
import type { Connection } from 'rabbitmq-client';
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

const negotiated = v.looseObject({ _state: v.looseObject({ frameMax: v.number(), channelMax: v.number() }) });

/** What library and broker have agreed on: bytes of a frame, and channels. */
export function negotiatedOf(connection: Connection): { readonly frameMax: number; readonly channelMax: number } {
  if (!v.is(negotiated, connection)) throw new LibraryChanged('keeps its frame_max elsewhere');
  return connection._state;
}

/** Nothing came in the time that a handshake has. */
class HandshakeTimeout extends Error {
  readonly code = 'CONNECTION_TIMEOUT';
}

const handshake = v.looseObject({ _state: v.looseObject({ connectionTimer: v.custom<NodeJS.Timeout>(isTimer) }) });

function isTimer(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'refresh' in value;
}

/** Gives the rest of a handshake so much time, whatever the library gave the whole. */
export function giveHandshake(connection: Connection, milliseconds: number): void {
  if (!v.is(handshake, connection)) throw new LibraryChanged('keeps its time-out elsewhere');
  const { _state: state } = connection;
  clearTimeout(state.connectionTimer);
  const socket = socketOf(connection);
  state.connectionTimer = setTimeout(() => socket.destroy(new HandshakeTimeout()), milliseconds);
}

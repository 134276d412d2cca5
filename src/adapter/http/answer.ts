import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientRequest } from './client-request.ts';

/** What an answer that waits for its reader costs besides its bytes. */
const OBJECTS_BYTES = 4_096;

/** Node's response, which tells its connection how much of it waits to be read, and when it has left the process. */
export class Answer extends ServerResponse {
  request: ClientRequest | undefined;
  /** Memory that it takes until its client has read what is before it. */
  #unread = 0;

  override end(chunk?: unknown, encoding?: unknown, onEnd?: unknown): this {
    Reflect.apply(ServerResponse.prototype.end, this, [chunk, encoding, onEnd]);
    // Most often the kernel has taken all of it by now.
    const { writableLength } = this;
    if (writableLength > 0 && this.#unread === 0 && this.request) {
      this.#unread = writableLength + OBJECTS_BYTES;
      this.request.connection.addUnread(this.#unread);
    }
    return this;
  }

  /** Node calls it when the last byte was handed to the kernel. */
  override detachSocket(socket: Socket): void {
    super.detachSocket(socket);
    this.request?.connection.finish(this.#unread);
    this.#unread = 0;
  }
}

import type { Socket } from 'node:net';
import { type Publishing, publishFrames } from './publish-frames.ts';

/** A message on its way to the network. */
export interface Outgoing {
  readonly publishing: Publishing;
  /** A message on a closed channel is not sent: to the broker it would be a protocol error. */
  readonly channel: { readonly active: boolean };
}

/**
 * What one connection sends. Messages go to the socket at once; while that has no room they wait here, not encoded yet,
 * and follow in order.
 */
export class Outbox {
  readonly #socket: Socket;
  readonly #frameMax: number;
  readonly #waiting: Outgoing[] = [];

  constructor(socket: Socket, frameMax: number) {
    this.#socket = socket;
    this.#frameMax = frameMax;
    socket.on('drain', () => this.#flush());
    socket.once('close', () => {
      this.#waiting.length = 0;
    });
  }

  /** Nothing waits in this process for the network. */
  get flushed(): boolean {
    return this.#waiting.length === 0 && this.#socket.writableLength === 0;
  }

  send(outgoing: Outgoing): void {
    if (this.#waiting.length > 0 || this.#socket.writableNeedDrain) this.#waiting.push(outgoing);
    else this.#write(outgoing);
  }

  #write({ channel, publishing }: Outgoing): void {
    if (!channel.active) return;
    for (const bytes of publishFrames(publishing, this.#frameMax)) this.#socket.write(bytes);
  }

  #flush(): void {
    let written = 0;
    for (const outgoing of this.#waiting) {
      if (this.#socket.writableNeedDrain) break;
      this.#write(outgoing);
      written += 1;
    }
    this.#waiting.splice(0, written);
  }
}

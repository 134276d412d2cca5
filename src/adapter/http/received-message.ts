import { IncomingMessage } from 'node:http';
import { ByteBlocks, SMALL } from '../../handler/byte-blocks.ts';
import type { ClientRequest } from './client-request.ts';
import type { OneATurn } from './one-a-turn.ts';

/** Small chunks of one read of a connection. After so many, no more is read from it before others have had a turn. */
const MAX_CHUNKS = 512;

/**
 * Node's request, and what this server makes of it. A WeakMap from one to the other would cost a post a tenth of its CPU
 * time, in the garbage collector.
 *
 * Node's parser makes a buffer of each chunk of a body, and one read of a connection can bring ten thousand. They are
 * gathered before the stream sees them: it would keep each as it is, some 400 bytes of memory, and count one byte.
 */
export class ReceivedMessage extends IncomingMessage {
  request: ClientRequest | undefined;
  /** For those whose bodies come in very many chunks. */
  floods: OneATurn | undefined;
  #hasBody = false;
  #gathered: ByteBlocks | undefined;
  #chunks = 0;

  override push(chunk: unknown): boolean {
    // What comes first is most often all there is.
    if (!this.#hasBody || !(chunk instanceof Uint8Array) || chunk.length >= SMALL) {
      this.#hasBody = true;
      this.#handOver();
      return super.push(chunk);
    }
    this.#gathered ??= new ByteBlocks();
    this.#gathered.add(chunk);
    if (this.#chunks === 0) setImmediate(() => this.#afterRead());
    this.#chunks += 1;
    return this.#chunks < MAX_CHUNKS && this.#gathered.size + this.readableLength < this.readableHighWaterMark;
  }

  override read(size?: number): unknown {
    this.#handOver();
    return super.read(size);
  }

  #afterRead(): void {
    if (this.#chunks >= MAX_CHUNKS && this.floods) this.floods.wait(() => this.#handOverIfRead());
    else this.#handOverIfRead();
  }

  /** A stream that nobody reads would keep what it is given now beside what still comes. */
  #handOverIfRead(): void {
    if (this.readableFlowing) this.#handOver();
  }

  /** The stream then asks for more, and the connection is read on. */
  #handOver(): void {
    if (this.#chunks === 0) return;
    this.#chunks = 0;
    super.push(this.#gathered?.take());
  }
}

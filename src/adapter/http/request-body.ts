import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyChunks, type BodyLimit, type BodyOutcome } from '../../handler/body.ts';

/** Why the rest of a body will not come, found out by Node's HTTP parser. */
export type BodyFailure = 'timed-out' | 'malformed' | 'aborted';

/**
 * A request's body, read from Node's own stream, which costs a third of what a Web stream does. A client that waits
 * for it (`Expect: 100-continue`) is told to go on only when its body is wanted.
 */
export class RequestBody {
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  /** All of it has been read, though Node's parser may not have got so far as to say that it was all. */
  #read = false;
  #continued = false;
  #failure: BodyFailure | undefined;
  #onFailure: ((failure: BodyFailure) => void) | undefined;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** None of it is still to come. */
  get complete(): boolean {
    return this.#read || this.#incoming.complete || this.#announced === 0;
  }

  /** Bytes; undefined where only their end will tell. RFC 9112 section 6.3: without either header there are none. */
  get #announced(): number | undefined {
    const { 'content-length': length, 'transfer-encoding': coding } = this.#incoming.headers;
    return coding === undefined ? Number(length ?? 0) : undefined;
  }

  failUnlessComplete(failure: BodyFailure): void {
    if (this.complete) return;
    this.#failure ??= failure;
    this.#onFailure?.(failure);
  }

  /** Tells a client that waits for it (`Expect: 100-continue`) to go on. */
  sendContinue(): void {
    const { headers, httpVersion } = this.#incoming;
    // RFC 9110 section 10.1.1: a client of HTTP/1.0 would not understand it.
    if (this.#continued || httpVersion === '1.0' || !/100-continue/i.test(headers.expect ?? '')) return;
    this.#continued = true;
    this.#outgoing.writeContinue();
  }

  async read(limit: BodyLimit): Promise<BodyOutcome> {
    const incoming = this.#incoming;
    this.sendContinue();
    const chunks = new BodyChunks(limit);
    // Node's parser is still at work on what has come with the headers, which most often is all of it.
    await undefined;
    this.#read = this.complete || incoming.readableLength === this.#announced;
    if (this.#read && !incoming.destroyed && !this.#failure) return this.#whole(chunks);
    return this.#gather(chunks);
  }

  /** What lies in the stream is all there is: no event need be waited for. */
  #whole(chunks: BodyChunks): BodyOutcome {
    // One read gives everything or one buffer of several: that differs between releases of Node. An empty body must be
    // read, too, for its end to be seen.
    for (;;) {
      const chunk: unknown = this.#incoming.read();
      if (!Buffer.isBuffer(chunk)) return chunks.body();
      const refusal = chunks.add(chunk);
      if (refusal) return refusal;
    }
  }

  #gather(chunks: BodyChunks): Promise<BodyOutcome> {
    const incoming = this.#incoming;
    return new Promise((resolve) => {
      const finish = (outcome: BodyOutcome): void => {
        this.#onFailure = undefined;
        incoming.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
        resolve(outcome);
      };
      const onData = (chunk: Buffer): void => {
        const refusal = chunks.add(chunk);
        if (!refusal) return;
        incoming.pause();
        finish(refusal);
      };
      const onEnd = (): void => finish(chunks.body());
      const onClose = (): void => finish(incoming.complete ? this.#whole(chunks) : { kind: 'aborted' });
      this.#onFailure = (failure) => finish({ kind: failure });
      if (this.#failure) finish({ kind: this.#failure });
      else if (incoming.destroyed && !incoming.readableEnded) onClose();
      else incoming.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    });
  }
}

import { ByteBlocks } from './byte-blocks.ts';

export interface BodyLimit {
  /** Bytes; a longer body is not read on. */
  readonly maxBytes: number;
  /** Asks for room for so many bytes more. */
  reserve(bytes: number): boolean;
}

export type BodyOutcome =
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'no-room' }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'aborted' };

/** Gathers chunks within a limit. Room is asked for as they come, so that what is announced and not sent takes none. */
export class BodyChunks {
  readonly #limit: BodyLimit;
  readonly #blocks = new ByteBlocks();

  constructor(limit: BodyLimit) {
    this.#limit = limit;
  }

  /** `undefined`, or why there may be no more of it. */
  add(chunk: Uint8Array): { readonly kind: 'too-large' | 'no-room' } | undefined {
    if (this.#blocks.size + chunk.length > this.#limit.maxBytes) return { kind: 'too-large' };
    const cost = this.#blocks.costOf(chunk);
    if (cost > 0 && !this.#limit.reserve(cost)) return { kind: 'no-room' };
    this.#blocks.add(chunk);
    return undefined;
  }

  body(): BodyOutcome {
    return { kind: 'body', bytes: this.#blocks.take() };
  }
}

/** Reads a request's body in the way that works everywhere. */
export async function readWebBody(request: Request, limit: BodyLimit): Promise<BodyOutcome> {
  if (!request.body) return new BodyChunks(limit).body();
  try {
    return await gather(request.body, limit);
  } catch {
    return { kind: 'aborted' };
  }
}

/** All of a stream, within a limit. Throws what the stream fails with. */
export async function gather(stream: ReadableStream<Uint8Array>, limit: BodyLimit): Promise<BodyOutcome> {
  const chunks = new BodyChunks(limit);
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks.body();
    const refusal = chunks.add(value);
    if (!refusal) continue;
    // Whoever fills the stream sees that nobody reads on.
    reader.cancel().catch(() => {});
    return refusal;
  }
}

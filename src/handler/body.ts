export interface BodyLimit {
  /** Bytes; a longer body is not read on. */
  readonly maxBytes: number;
  /** Bytes for which there is room already. */
  readonly reserved: number;
  /** Asks for room for more. */
  reserve(bytes: number): boolean;
}

export type BodyOutcome =
  | { readonly kind: 'body'; readonly bytes: Uint8Array }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'no-room' }
  | { readonly kind: 'timed-out' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'aborted' };

/** Gathers chunks within a limit. */
export class BodyChunks {
  readonly #limit: BodyLimit;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #reserved: number;

  constructor(limit: BodyLimit) {
    this.#limit = limit;
    this.#reserved = limit.reserved;
  }

  /** `undefined`, or why there may be no more of it. */
  add(chunk: Uint8Array): { readonly kind: 'too-large' | 'no-room' } | undefined {
    this.#size += chunk.length;
    if (this.#size > this.#limit.maxBytes) return { kind: 'too-large' };
    const lacking = this.#size - this.#reserved;
    if (lacking > 0) {
      if (!this.#limit.reserve(lacking)) return { kind: 'no-room' };
      this.#reserved = this.#size;
    }
    this.#chunks.push(chunk);
    return undefined;
  }

  body(): BodyOutcome {
    const [first] = this.#chunks;
    if (first && this.#chunks.length === 1) return { kind: 'body', bytes: first };
    const bytes = new Uint8Array(this.#size);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return { kind: 'body', bytes };
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

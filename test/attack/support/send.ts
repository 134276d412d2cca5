import { type Agent, type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { basic } from '../../support/http.ts';
import type { User } from '../../support/topology.ts';

export interface Call {
  readonly method?: string;
  readonly user?: User;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
  /** The address that it comes from. */
  readonly localAddress?: string;
  readonly agent?: Agent | false;
  readonly timeoutMs?: number;
}

export interface Sent {
  /** 0: no answer came. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly milliseconds: number;
}

/** One request, as it is: no answer is an answer, too. */
export function send(port: number, path: string, call: Call = {}): Promise<Sent> {
  const { method = 'POST', user, headers = {}, body = '', localAddress, agent = false, timeoutMs = 20_000 } = call;
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const finish = (status: number, received: Sent['headers'], content: string): void =>
      resolve({ status, headers: received, text: content, milliseconds: performance.now() - startedAt });
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent,
      ...(localAddress !== undefined && { localAddress }),
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...(user && { authorization: basic(user) }),
        ...(method === 'GET' ? {} : { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
    });
    outgoing.once('error', ({ message }) => finish(0, {}, message));
    outgoing.once('response', (response) => {
      text(response).then(
        (content) => finish(response.statusCode ?? 0, response.headers, content),
        ({ message }: Error) => finish(0, {}, message),
      );
    });
    outgoing.end(method === 'GET' ? undefined : body);
  });
}

/** Counts, by what is counted: `204: 3, 401: 1`. */
export class Tally {
  readonly #counts = new Map<string | number, number>();

  add(what: string | number): void {
    this.#counts.set(what, this.of(what) + 1);
  }

  of(what: string | number): number {
    return this.#counts.get(what) ?? 0;
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Of all but these. */
  others(...than: readonly (string | number)[]): number {
    return this.total - than.reduce<number>((sum, what) => sum + this.of(what), 0);
  }

  toString(): string {
    const sorted = [...this.#counts].toSorted(([a], [b]) => String(a).localeCompare(String(b)));
    return sorted.map(([what, count]) => `${count} × ${what === 0 ? 'no answer' : what}`).join(', ') || 'none';
  }
}

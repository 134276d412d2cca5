import type { Bindings } from '../../handler/bindings.ts';
import type { BodyLimit, BodyOutcome } from '../../handler/body.ts';
import type { Client } from '../../handler/publisher.ts';
import type { AddressSet } from './client-address.ts';
import type { ClientRequest } from './client-request.ts';
import type { RequestIds } from './request-ids.ts';

/** The same for all requests of a server. */
export interface ServerKnowledge {
  /** Who may read `/`, `/stats` and their like. */
  readonly operators: AddressSet;
  readonly requestIds: RequestIds;
}

/** What the handler may know of a request, found out when it asks. */
export class IncomingRequest implements Bindings {
  readonly client: Client;
  readonly target: string;
  readonly #request: ClientRequest;
  readonly #server: ServerKnowledge;

  constructor(request: ClientRequest, client: Client, server: ServerKnowledge) {
    this.client = client;
    this.target = request.target;
    this.#request = request;
    this.#server = server;
  }

  /** A peer on a Unix socket has no address, and is on this machine. */
  get operator(): boolean {
    const { address, scope } = this.client;
    const { operators } = this.#server;
    return operators.any || (scope !== 'unknown' && operators.has(address ?? '127.0.0.1'));
  }

  get gone(): AbortSignal {
    return this.#request.gone;
  }

  /**
   * As `Headers.get`: a repeated header has all its values. Node's own object drops those of some, and the Web's costs
   * more than all else that is done with a request.
   */
  header(name: string): string | null {
    const raw = this.#request.incoming.rawHeaders;
    let found: string | null = null;
    for (let at = 0; at < raw.length; at += 2) {
      const each = raw[at];
      if (each?.length !== name.length || (each !== name && each.toLowerCase() !== name)) continue;
      const value = raw[at + 1] ?? '';
      found = found === null ? value : `${found}${name === 'cookie' ? '; ' : ', '}${value}`;
    }
    return found;
  }

  headersFrom(prefix: string): ReadonlyMap<string, string> | undefined {
    const raw = this.#request.incoming.rawHeaders;
    let found: Map<string, string> | undefined;
    for (let at = 0; at < raw.length; at += 2) {
      const each = raw[at] ?? '';
      if (!startsWith(each, prefix)) continue;
      found ??= new Map();
      const name = each.toLowerCase();
      const before = found.get(name);
      const value = raw[at + 1] ?? '';
      found.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    return found;
  }

  newRequestId(): string {
    return this.#server.requestIds.next();
  }

  readBody(limit: BodyLimit): Promise<BodyOutcome> {
    return this.#request.body.read(limit);
  }
}

/** Compares a header's name with a prefix in lower case, and makes nothing of it. */
function startsWith(name: string, prefix: string): boolean {
  for (let at = 0; at < prefix.length; at += 1)
    // The bit that tells lower case from upper is set in a hyphen and in digits, too.
    if ((name.charCodeAt(at) | 0x20) !== prefix.charCodeAt(at)) return false;
  return true;
}

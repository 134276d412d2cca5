import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientConnection } from './client-connection.ts';
import { RequestBody } from './request-body.ts';
import { faultOfHead, type HeadFault } from './request-head.ts';

/** One request of a client's connection. */
export class ClientRequest {
  readonly connection: ClientConnection;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly body: RequestBody;
  /** The request target as it stood on the request line. */
  readonly target: string;
  readonly fault: HeadFault | undefined;
  /** Its answer says `Connection: close`, and nothing behind it is processed. */
  isLast: boolean;
  #gone: AbortSignal | undefined;

  constructor(connection: ClientConnection, incoming: IncomingMessage, outgoing: ServerResponse) {
    this.connection = connection;
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.body = new RequestBody(incoming, outgoing);
    this.target = incoming.url ?? '/';
    this.fault = faultOfHead(incoming);
    // The client says so itself, or speaks an HTTP/1.0 without keep-alive. What frames the body may be missing.
    this.isLast = !outgoing.shouldKeepAlive || this.fault?.kind === 'headers-too-large';
  }

  /** Aborted when the client has gone away, or has ended its side of the connection, which looks the same. */
  get gone(): AbortSignal {
    this.#gone ??= this.connection.watch(this);
    return this.#gone;
  }
}

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import type { Bindings } from '../../handler/bindings.ts';
import { outcomeOf, problem, problemOf } from '../../handler/problem.ts';
import { REQUEST_ID } from '../../handler/request-id.ts';
import type { BackendStats } from '../../handler/stats.ts';
import { Answer } from './answer.ts';
import { type AddressSet, clientOfRequest, clientOfSocket, type ProxyTrust } from './client-address.ts';
import { ClientConnection, type SharedByConnections } from './client-connection.ts';
import { ClientRequest } from './client-request.ts';
import { ConnectionLimit } from './connection-limit.ts';
import { Entrances } from './entrances.ts';
import { IncomingRequest, type ServerKnowledge } from './incoming-request.ts';
import { LingeringCloses } from './lingering-close.ts';
import { OneATurn } from './one-a-turn.ts';
import {
  CUT_SHORT,
  faultOfBytes,
  type ProtocolError,
  type RequestStart,
  rawResponse,
  requestStartOf,
  TIMED_OUT,
} from './protocol-errors.ts';
import { ReceivedMessage } from './received-message.ts';
import type { BodyFailure } from './request-body.ts';
import { UnparsedBytes } from './request-feed.ts';
import { MAX_FIELDS } from './request-head.ts';
import { RequestIds } from './request-ids.ts';
import { broughtUntrusted, type ServerTls, tlsOptions } from './tls.ts';
import { TurnBudget } from './turn-budget.ts';
import { UnreadAnswers } from './unread-answers.ts';

export interface ServerOptions {
  readonly tls?: ServerTls;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly noKeepAlive: boolean;
  /** Idle ones make room for more. */
  readonly maxConnections: number;
  /** Called when the kernel has a connection and gives no descriptor for it. */
  readonly onAcceptFailed: () => void;
  readonly trust: ProxyTrust;
  /** Who may read `/`, `/stats` and their like. */
  readonly operators: AddressSet;
}

export type Fetch = (request: Request, bindings: Bindings) => Response | Promise<Response>;

/** Called with each answer. 499 stands for a client that went away before it. */
export type OnAnswer = (answer: Answered) => void;

export interface Answered {
  readonly method: string;
  readonly status: number;
  readonly milliseconds: number;
  /** As the client wrote it, passwords and all, where there was a request. */
  readonly target?: string | undefined;
  /** The client's address, where it is known. */
  readonly client?: string | undefined;
  /** Where a message was to be published, as far as that can be known, and the handler was never asked. */
  readonly notPublished?: { readonly requestId: string; readonly outcome: string | undefined } | undefined;
}

const MAX_HEADER_BYTES = 16 * 1024;

/** Bytes that pipelining clients have sent and that wait to be parsed. */
const MAX_UNPARSED_BYTES = 32 * 1024 * 1024;

/** Connections over the bound that are answered; more are closed without a word. */
const MAX_TURNED_AWAY = 256;

/** Between two reads that brought thousands of chunks each, which take some 15 ms. */
const FLOOD_REST_MS = 30;

/** How often Node looks for connections over their time. */
const CHECK_INTERVAL_MS = 1_000;

/** Stands for the Host in the Web's `Request.url`, of which only the target counts, and that is given separately. */
const AUTHORITY = 'localhost';

/** Runs a Web handler on Node's HTTP server. */
export class HttpServer {
  readonly #server: Server | TlsServer;
  readonly #options: ServerOptions;
  readonly #fetch: Fetch;
  readonly #onAnswer: OnAnswer;
  readonly #listener: (incoming: IncomingMessage, outgoing: Answer) => unknown;
  readonly #knowledge: ServerKnowledge;
  readonly #entrances: Entrances;
  readonly #limit: ConnectionLimit;
  readonly #shared: SharedByConnections = {
    lingering: new LingeringCloses(),
    turns: new TurnBudget(),
    unread: new UnreadAnswers(),
    unparsed: new UnparsedBytes(MAX_UNPARSED_BYTES),
  };
  readonly #floods = new OneATurn(FLOOD_REST_MS);
  readonly #connections = new Map<Duplex, ClientConnection>();
  #draining = false;
  #cut = false;

  constructor(fetch: Fetch, options: ServerOptions, onAnswer: OnAnswer) {
    this.#fetch = fetch;
    this.#options = options;
    this.#onAnswer = onAnswer;
    this.#knowledge = { operators: options.operators, requestIds: new RequestIds() };
    this.#listener = getRequestListener((request, { incoming }) => this.#answer(request, incoming), {
      hostname: AUTHORITY,
      autoCleanupIncoming: false,
    });
    this.#limit = new ConnectionLimit(options.maxConnections);
    const serverOptions = {
      IncomingMessage: ReceivedMessage,
      ServerResponse: Answer,
      ...(options.tls && tlsOptions(options.tls)),
      ...(options.tls && { handshakeTimeout: options.headersTimeoutMs }),
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: Math.max(options.requestTimeoutMs, options.headersTimeoutMs),
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      noDelay: true,
      // Node's HTTP server has it by itself, the one with TLS has not.
      allowHalfOpen: true,
      // Judged in request-head.ts, for Node's own answer is no problem document.
      requireHostHeader: false,
    };
    const server = options.tls ? createTlsServer(serverOptions) : createServer(serverOptions);
    this.#server = server;
    this.#entrances = new Entrances(server, options.onAcceptFailed);
    // Node lets such a client in where certificates are optional. Before its HTTP server sees the connection:
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      if (broughtUntrusted(socket)) socket.destroy();
    });
    // A client that has ended its side waits for its answer. The types leave it out; it is documented nowhere.
    Object.assign(server, { httpAllowHalfOpen: true });
    // Node drops the rest in silence; one too many tells.
    server.maxHeadersCount = MAX_FIELDS + 1;
    server.on('connection', (socket: Socket) => {
      if (this.#cut) socket.destroy();
      this.#shared.turns.makeWay();
      const hasRoom = this.#limit.enter(socket);
      socket.once('close', () => this.#limit.exit(socket));
      if (!hasRoom) this.#turnAway(socket);
    });
    const receive = (incoming: ReceivedMessage, outgoing: Answer): void => this.#receive(incoming, outgoing);
    server.on('request', receive);
    server.on('checkContinue', receive);
    server.on('checkExpectation', receive);
    server.on('clientError', (error: ProtocolError, socket: Duplex) => this.#refuseBytes(error, socket));
    server.on('connect', ({ headers }: IncomingMessage, socket: Duplex) =>
      this.#refuseTunnel(socket, this.#requestId(headers['x-request-id'])),
    );
  }

  /** Accepts connections on sockets that are bound already. */
  async listen(handles: readonly unknown[]): Promise<void> {
    await this.#entrances.open(handles);
  }

  /**
   * Accepts no more connections, and resolves when the last one has ended. Idle ones stay open until their client or
   * time-out ends them, for a request may be on its way on any of them; its answer says `Connection: close`.
   */
  async stopAccepting(): Promise<void> {
    this.#draining = true;
    await this.stopListening();
    await this.#entrances.closed;
  }

  /** Accepts no more connections; those that there are go on. */
  stopListening(): Promise<void> {
    return this.#entrances.close();
  }

  get clients(): BackendStats['clients'] {
    const { open, max, madeRoom, turnedAway } = this.#limit;
    return { open, max, made_room: madeRoom, turned_away: turnedAway };
  }

  /** Answers requests that are still arriving: nothing will come of them. */
  refuseUnfinished(): void {
    for (const connection of this.#connections.values()) connection.refuseUnfinished();
  }

  closeIdleConnections(): void {
    this.#server.closeIdleConnections();
  }

  /** Those too that have not become HTTP yet. */
  closeAllConnections(): void {
    this.#server.closeAllConnections();
    for (const socket of this.#limit.sockets) socket.destroy();
    this.#cut = true;
    this.#entrances.hurry();
  }

  #connectionOf(socket: Duplex): ClientConnection | undefined {
    const known = this.#connections.get(socket);
    if (known || !(socket instanceof Socket)) return known;
    const place = this.#limit.placeOf(belowTls(socket));
    const connection = new ClientConnection(socket, clientOfSocket(socket, this.#options.trust), this.#shared, place);
    this.#connections.set(socket, connection);
    socket.once('close', () => {
      connection.closed();
      this.#connections.delete(socket);
    });
    return connection;
  }

  #receive(incoming: ReceivedMessage, outgoing: Answer): void {
    const connection = this.#connectionOf(incoming.socket);
    if (!connection) return;
    const request = new ClientRequest(connection, incoming, outgoing);
    const kept = incoming.headers.upgrade === undefined || connection.keepWhatFollows(incoming);
    if (this.#draining || this.#options.noKeepAlive || !kept) request.isLast = true;
    incoming.request = request;
    outgoing.request = request;
    incoming.floods = this.#floods;
    // What the Web's `Request` would refuse in them is not for it to refuse.
    incoming.headers.host = AUTHORITY;
    incoming.url = '/';
    connection.receive(request, () => void this.#listener(incoming, outgoing));
  }

  async #answer(webRequest: Request, incoming: object): Promise<Response> {
    const startedAt = performance.now();
    const request = incoming instanceof ReceivedMessage ? incoming.request : undefined;
    if (!request) throw new TypeError('a request was answered that was not received');
    const { connection, outgoing, fault, target } = request;
    const { socket, method = 'GET', httpVersion } = request.incoming;
    const client = clientOfRequest(request.incoming, connection.peer, this.#options.trust);
    const bindings = new IncomingRequest(request, client, this.#knowledge);
    let response: Response;
    try {
      response = await (fault ? this.#refuse(fault, bindings) : this.#fetch(webRequest, bindings));
    } catch {
      response = problem('internal', { requestId: this.#newRequestId(), published: 'unknown' });
    }
    // Node's parser may still be at work on what came in the same read, which is most often the rest of the request.
    if (!request.body.complete) await nextTurn();
    connection.answer(request, this.#draining);
    // RFC 9112 section 9.3: in HTTP/1.0 it must be said.
    if (httpVersion === '1.0' && outgoing.shouldKeepAlive) outgoing.setHeader('Connection', 'keep-alive');
    this.#onAnswer({
      method,
      status: socket.destroyed ? GONE : response.status,
      milliseconds: performance.now() - startedAt,
      target,
      client: client.address,
      notPublished: fault && method === 'POST' ? refusalOf(response) : undefined,
    });
    return response.status === GONE ? this.#lastWords(request, response) : response;
  }

  /** A client that only ended its side still reads, and 499 is a status of logs. */
  #lastWords({ body }: ClientRequest, gone: Response): Response {
    const requestId = gone.headers.get('X-Request-Id') ?? this.#newRequestId();
    if (!body.complete) return problem('malformed-request', { requestId, detail: 'the request body is cut short' });
    const detail = 'the client ended its side while the message waited, and client_gone is drop';
    const published = gone.headers.get('Statelessd-Error')?.endsWith('published=no') ? 'no' : 'unknown';
    return problem('broker-unavailable', { requestId, detail, published });
  }

  /** What is no HTTP as the gateway speaks it, whatever it asks for. */
  #refuse({ kind, detail }: NonNullable<ClientRequest['fault']>, bindings: IncomingRequest): Response {
    return problem(kind, { requestId: this.#requestId(bindings.header('x-request-id')), detail });
  }

  #requestId(given: string | string[] | null | undefined): string {
    return typeof given === 'string' && REQUEST_ID.test(given) ? given : this.#newRequestId();
  }

  #newRequestId(): string {
    return this.#knowledge.requestIds.next();
  }

  /** CONNECT is for proxies, and Node hangs up on it without a word. */
  #refuseTunnel(socket: Duplex, requestId: string): void {
    // Node has taken its own listener away.
    socket.on('error', () => socket.destroy());
    const connection = this.#connectionOf(socket);
    if (!connection || connection.endAfterLast()) return;
    const refusal = problem('method-not-allowed', { requestId, headers: { Allow: 'GET, HEAD, POST' } });
    this.#refuseRaw(connection, refusal, { method: 'CONNECT' });
  }

  /**
   * What is not HTTP, or takes too long to become it. Where that is a request's body, the request's own answer says
   * so; where it comes after a whole request, that one is answered and the connection ends.
   */
  #refuseBytes(error: ProtocolError, socket: Duplex): void {
    const connection = this.#connectionOf(socket);
    if (!connection || error.code === 'ECONNRESET' || !socket.writable) {
      // A connection that lingers has a time-out of its own.
      if (error.code !== TIMED_OUT) socket.destroy();
      return;
    }
    if (connection.endAfterLast(bodyFailureOf(error))) return;
    const { kind, detail } = faultOfBytes(error);
    const refusal = problem(kind, { requestId: this.#newRequestId(), ...(detail !== undefined && { detail }) });
    this.#refuseRaw(connection, refusal, requestStartOf(error) ?? UNKNOWN);
  }

  /** There is no room for it, and no request of it is looked at. */
  #turnAway(socket: Socket): void {
    if (this.#options.tls || this.#limit.open > this.#options.maxConnections + MAX_TURNED_AWAY) {
      socket.destroy();
      return;
    }
    const detail = 'there are as many connections as HTTPServer.max_connections allows, and none of them is idle';
    const refusal = problem('overloaded', { requestId: this.#newRequestId(), published: 'no', detail });
    this.#shared.lingering.end(socket, rawResponse(refusal));
  }

  #refuseRaw(connection: ClientConnection, refusal: Response, { method, target }: RequestStart): void {
    this.#onAnswer({
      method,
      status: refusal.status,
      milliseconds: 0,
      target,
      client: connection.peer.address,
      // Browsers open connections on which nothing comes; a beginning of which no method is known may be a message's.
      notPublished: method === 'POST' || (method === 'UNKNOWN' && !connection.silent) ? refusalOf(refusal) : undefined,
    });
    connection.refuse(rawResponse(refusal));
  }
}

/** The status in logs and statistics of a request whose client went away. */
const GONE = 499;

const UNKNOWN: RequestStart = { method: 'UNKNOWN' };

const refusalOf = (response: Response): Answered['notPublished'] => ({
  requestId: problemOf(response)?.body.request_id ?? '',
  outcome: outcomeOf(response),
});

function bodyFailureOf({ code }: ProtocolError): BodyFailure {
  if (code === TIMED_OUT) return 'timed-out';
  return code === CUT_SHORT ? 'aborted' : 'malformed';
}

/** The socket that was accepted. Where Node does not tell, its connection counts and makes no room. */
function belowTls(socket: Socket): Socket {
  const below: unknown = socket instanceof TLSSocket ? Reflect.get(socket, '_parent') : socket;
  return below instanceof Socket ? below : socket;
}

import { createServer, type Server, type ServerResponse } from 'node:http';
import { Http2ServerRequest } from 'node:http2';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { getRequestListener, type Http2Bindings, type HttpBindings, RequestError } from '@hono/node-server';
import type { Bindings } from '../../handler/bindings.ts';
import { type ProblemKind, problem } from '../../handler/problem.ts';
import type { Client } from '../../handler/publisher.ts';
import { type AddressSet, clientOfRequest, clientOfSocket, type ProxyTrust } from './client-address.ts';
import { IncomingRequest, type ServerKnowledge } from './incoming-request.ts';
import { endLingering, lingerOnClose } from './lingering-close.ts';
import { RequestBody } from './request-body.ts';
import { RequestIds } from './request-ids.ts';
import { broughtUntrusted, type ServerTls, tlsOptions } from './tls.ts';

export interface ServerOptions {
  readonly tls?: ServerTls;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly noKeepAlive: boolean;
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
  /** The request's own, where there was a request. */
  readonly target?: string | undefined;
  /** The client's address, where it is known. */
  readonly client?: string | undefined;
}

const MAX_HEADER_BYTES = 16 * 1024;

const QUIET_TURNS = 10;

/**
 * Connections that the kernel may queue until they are accepted, one in each turn of the event loop; it may have a lower
 * limit of its own (net.core.somaxconn). To a crowd over Node's 511 it would seem for seconds that nobody answers.
 */
const BACKLOG = 4_096;

/** Under load new ones come while they are accepted. */
const MAX_QUEUED = 2 * BACKLOG;

/** How often Node looks for connections over their time. */
const CHECK_INTERVAL_MS = 1_000;

/** What goes on on a connection: the request that began last, and where its answer will go. */
interface Exchange {
  readonly peer: Client;
  body: RequestBody;
  outgoing: ServerResponse;
  /** Requests under way: more than one if they are pipelined. */
  underWay: number;
  /** Those that came after too many, in order. */
  readonly queue: (() => void)[];
}

/** Pipelined requests of one connection that are under way at once; no more are read from it until they are answered. */
const MAX_PIPELINED = 64;

/** Runs a Web handler on Node's HTTP server. */
export class HttpServer {
  readonly #server: Server | TlsServer;
  readonly #options: ServerOptions;
  readonly #onAnswer: OnAnswer;
  readonly #knowledge: ServerKnowledge;
  readonly #sockets = new Set<Duplex>();
  /** By connection. */
  readonly #exchanges = new WeakMap<Duplex, Exchange>();
  #draining = false;
  #cut = false;

  constructor(fetch: Fetch, options: ServerOptions, onAnswer: OnAnswer) {
    this.#options = options;
    this.#onAnswer = onAnswer;
    this.#knowledge = { operators: options.operators, requestIds: new RequestIds() };
    const answer = (request: Request, env: HttpBindings | Http2Bindings): Promise<Response> => {
      if (!isHttp1(env)) throw new TypeError('this server speaks HTTP/1.1 only');
      return this.#answer(fetch, request, env);
    };
    const listener = getRequestListener(answer, {
      hostname: 'localhost',
      autoCleanupIncoming: false,
      errorHandler: (error) => this.#refuseRequest(error),
    });
    const serverOptions = {
      ...(options.tls && tlsOptions(options.tls)),
      ...(options.tls && { handshakeTimeout: options.headersTimeoutMs }),
      headersTimeout: options.headersTimeoutMs,
      requestTimeout: Math.max(options.requestTimeoutMs, options.headersTimeoutMs),
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      noDelay: true,
      // Judged in #answer, for Node's own answer is no problem document.
      requireHostHeader: false,
    };
    const server = options.tls ? createTlsServer(serverOptions, listener) : createServer(serverOptions, listener);
    this.#server = server;
    // Beyond a thousand Node would drop the rest in silence, a proxy's among them. Their size is bounded.
    server.maxHeadersCount = 0;
    // Node lets such a client in where certificates are optional. Before its HTTP server sees the connection:
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      if (broughtUntrusted(socket)) socket.destroy();
    });
    this.#server.on('connection', (socket) => {
      if (this.#cut) socket.destroy();
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('checkContinue', (request, response) => server.emit('request', request, response));
    this.#server.on('checkExpectation', (_, response) => this.#refuseExpectation(response));
    this.#server.on('clientError', (error, socket) => this.#refuseBytes(error, socket));
    this.#server.on('connect', (_, socket) => this.#refuseTunnel(socket));
  }

  /** Accepts connections on a socket that is bound already. */
  listen(handle: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(handle, BACKLOG, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  /**
   * Accepts no more connections, and resolves when the last one has ended. Idle ones stay open until their client or
   * time-out ends them, for a request may be on its way on any of them; its answer says `Connection: close`.
   */
  async stopAccepting(): Promise<void> {
    this.#draining = true;
    await this.#acceptQueued();
    // Not the HTTP server's own close, which would close idle connections in the face of a request on its way.
    await new Promise<void>((resolve) => {
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
  }

  /**
   * Connections that the kernel has let in already would be reset with the listening socket. Node accepts one in each
   * turn of the event loop, and under load more come during a turn: the queue is empty once several brought none.
   */
  async #acceptQueued(): Promise<void> {
    let quietTurns = 0;
    const onConnection = (): void => {
      quietTurns = 0;
    };
    this.#server.on('connection', onConnection);
    for (let turn = 0; quietTurns < QUIET_TURNS && turn < MAX_QUEUED && !this.#cut; turn += 1) {
      quietTurns += 1;
      await nextTurn();
    }
    this.#server.off('connection', onConnection);
  }

  /** Answers requests that are still arriving: nothing will come of them. */
  refuseUnfinished(): void {
    for (const socket of this.#sockets) {
      const body = this.#exchanges.get(socket)?.body;
      if (body && !body.complete) body.fail('timed-out');
    }
  }

  closeIdleConnections(): void {
    this.#server.closeIdleConnections();
  }

  /** Those too that have not become HTTP yet. */
  closeAllConnections(): void {
    this.#server.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    this.#cut = true;
  }

  async #answer(fetch: Fetch, request: Request, { incoming, outgoing }: HttpBindings): Promise<Response> {
    const startedAt = performance.now();
    const body = new RequestBody(incoming, outgoing);
    const exchange = this.#begin(incoming.socket, body, outgoing);
    if (exchange.underWay >= MAX_PIPELINED) await turnOf(exchange, incoming.socket);
    else exchange.underWay += 1;
    const client = clientOfRequest(incoming, exchange.peer, this.#options.trust);
    const hostless = incoming.headers.host === undefined && incoming.httpVersion === '1.1';
    const response = hostless
      ? this.#refuseHostless()
      : await fetch(request, new IncomingRequest(incoming, body, client, this.#knowledge));
    if (!body.complete) lingerOnClose(incoming);
    if (!body.complete || this.#draining || this.#options.noKeepAlive) outgoing.shouldKeepAlive = false;
    const status = incoming.socket.destroyed ? 499 : response.status;
    this.#onAnswer({
      method: incoming.method ?? 'GET',
      status,
      milliseconds: performance.now() - startedAt,
      target: incoming.url,
      client: client.address,
    });
    this.#end(exchange, incoming.socket);
    return response;
  }

  #begin(socket: Socket, body: RequestBody, outgoing: ServerResponse): Exchange {
    const known = this.#exchanges.get(socket);
    if (known) {
      known.body = body;
      known.outgoing = outgoing;
      return known;
    }
    const exchange: Exchange = {
      peer: clientOfSocket(socket, this.#options.trust),
      body,
      outgoing,
      underWay: 0,
      queue: [],
    };
    this.#exchanges.set(socket, exchange);
    // Node reads on from a connection whenever a body is read, though the bodies under way have all arrived by then.
    socket.on('resume', () => {
      if (exchange.queue.length > 0) socket.pause();
    });
    return exchange;
  }

  /** The next of its connection takes its place. */
  #end(exchange: Exchange, socket: Duplex): void {
    const next = exchange.queue.shift();
    if (next) next();
    else exchange.underWay -= 1;
    if (next && exchange.queue.length === 0) socket.resume();
  }

  /** RFC 9112 section 3.2 */
  #refuseHostless(): Response {
    return problem('malformed-request', { requestId: this.#newRequestId(), detail: 'a Host header is required' });
  }

  #newRequestId(): string {
    return this.#knowledge.requestIds.next();
  }

  /** What is HTTP and no request that the Web's `Request` can stand for, such as one with a broken Host. */
  #refuseRequest(error: unknown): Response {
    const requestId = this.#newRequestId();
    const refusal =
      error instanceof RequestError
        ? problem('malformed-request', { requestId, detail: error.message })
        : problem('internal', { requestId, published: 'unknown' });
    this.#onAnswer({ method: 'UNKNOWN', status: refusal.status, milliseconds: 0 });
    return refusal;
  }

  #refuseExpectation(response: ServerResponse): void {
    const refusal = problem('expectation-failed', {
      requestId: this.#newRequestId(),
      detail: 'only 100-continue can be expected',
      headers: { Connection: 'close' },
    });
    this.#onAnswer({ method: response.req.method ?? 'GET', status: refusal.status, milliseconds: 0 });
    lingerOnClose(response.req);
    response.writeHead(refusal.status, Object.fromEntries(refusal.headers));
    void refusal.text().then((body) => response.end(body));
  }

  /** CONNECT is for proxies, and Node hangs up on it without a word. */
  #refuseTunnel(socket: Duplex): void {
    // Node has taken its own listener away.
    socket.on('error', () => socket.destroy());
    if (this.#endAfterAnswer(socket)) return;
    const requestId = this.#newRequestId();
    this.#refuseRaw(
      'CONNECT',
      problem('method-not-allowed', { requestId, headers: { Allow: 'GET, HEAD, POST' } }),
      socket,
    );
  }

  /**
   * What is not HTTP, or takes too long to become it. Where that is a request's body, the request's own answer says
   * so; where it comes after a whole request, that one is answered and the connection ends.
   */
  #refuseBytes(error: Error & { code?: string }, socket: Duplex): void {
    const exchange = this.#endAfterAnswer(socket);
    if (exchange) {
      if (!exchange.body.complete) exchange.body.fail(error.code === TIMED_OUT ? 'timed-out' : 'malformed');
      return;
    }
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    this.#refuseRaw('UNKNOWN', problem(kindOfClientError(error.code), { requestId: this.#newRequestId() }), socket);
  }

  /** The request before, if it has no answer yet: that comes first, and the connection ends with it. */
  #endAfterAnswer(socket: Duplex): Exchange | undefined {
    const exchange = this.#exchanges.get(socket);
    if (!exchange || exchange.outgoing.writableFinished || !socket.writable) return undefined;
    exchange.outgoing.shouldKeepAlive = false;
    if (exchange.outgoing.headersSent) exchange.outgoing.once('finish', () => endLingering(socket));
    return exchange;
  }

  #refuseRaw(method: string, refusal: Response, socket: Duplex): void {
    this.#onAnswer({ method, status: refusal.status, milliseconds: 0 });
    void refusal.text().then((body) => endLingering(socket, rawResponse(refusal, body)));
  }
}

const TIMED_OUT = 'ERR_HTTP_REQUEST_TIMEOUT';

/** Waits, body unread, for those before it on its connection; nothing more is read from that meanwhile. */
function turnOf(exchange: Exchange, socket: Duplex): Promise<void> {
  socket.pause();
  return new Promise((resolve) => exchange.queue.push(resolve));
}

function isHttp1(env: HttpBindings | Http2Bindings): env is HttpBindings {
  return !(env.incoming instanceof Http2ServerRequest);
}

function kindOfClientError(code: string | undefined): ProblemKind {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'headers-too-large';
    case TIMED_OUT:
      return 'request-timeout';
    default:
      return 'malformed-request';
  }
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};

function rawResponse({ status, headers }: Response, body: string): string {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\n${lines}Content-Length: ${length}\r\nConnection: close\r\n\r\n${body}`;
}

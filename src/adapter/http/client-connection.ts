import type { Socket } from 'node:net';
import type { Client } from '../../handler/publisher.ts';
import type { ClientRequest } from './client-request.ts';
import type { LingeringCloses } from './lingering-close.ts';
import type { BodyFailure } from './request-body.ts';

/** Pipelined requests of one connection that are processed at once; no more are read from it until they are answered. */
const MAX_PIPELINED = 64;

/**
 * One connection of a client, and the order of its requests.
 *
 * Pipelined requests are processed concurrently, and Node puts their answers in order. RFC 9112 section 9.6: after an
 * answer that says `Connection: close`, nothing is processed any more. So only the answer to the last request that was
 * started may say so, and after it none is started; what was received and not started is dropped.
 */
export class ClientConnection {
  /** Who is at the other end. */
  readonly peer: Client;
  readonly #socket: Socket;
  readonly #lingering: LingeringCloses;
  /** Requests that were started and have no answer yet. */
  #underWay = 0;
  /** Requests that were received and not started, in order. */
  readonly #waiting: { readonly request: ClientRequest; readonly start: () => void }[] = [];
  #lastReceived: ClientRequest | undefined;
  #lastStarted: ClientRequest | undefined;
  /** What still comes is not processed. */
  #ending = false;
  /** The client may still send, and would lose the answer if the connection were closed at once. */
  #lingers = false;

  readonly #watched = new Set<AbortController>();

  constructor(socket: Socket, peer: Client, lingering: LingeringCloses) {
    this.#socket = socket;
    this.peer = peer;
    this.#lingering = lingering;
    // Node reads on from a connection whenever a body is read, though the bodies under way have all arrived by then.
    socket.on('resume', () => {
      if (this.#waiting.length > 0) socket.pause();
    });
    // The client has ended its side, and may still read.
    socket.on('end', () => {
      if (this.#lastReceived) this.#lastReceived.isLast = true;
      // Node says so by itself, but for a request that asks for an upgrade.
      this.#lastReceived?.body.failUnlessComplete('aborted');
      this.#leave();
    });
    socket.once('close', () => this.#leave());
  }

  /** Not a byte has come. */
  get silent(): boolean {
    return this.#socket.bytesRead === 0;
  }

  /** A signal that is aborted when the client leaves before a request is answered. */
  watch({ outgoing }: ClientRequest): AbortSignal {
    const controller = new AbortController();
    this.#watched.add(controller);
    outgoing.once('close', () => this.#watched.delete(controller));
    if (this.#socket.readableEnded || this.#socket.destroyed) controller.abort();
    return controller.signal;
  }

  #leave(): void {
    for (const controller of this.#watched) controller.abort();
  }

  /** @param start hands the request to the handler, now or later, unless an answer before it closes the connection */
  receive(request: ClientRequest, start: () => void): void {
    if (this.#ending) return;
    this.#ending = request.isLast;
    this.#lastReceived = request;
    if (this.#underWay < MAX_PIPELINED && this.#waiting.length === 0) {
      this.#start(request, start);
    } else {
      this.#waiting.push({ request, start });
      this.#socket.pause();
    }
  }

  /**
   * To be called for each request that was started, before its answer is written.
   *
   * @param draining the connection is to end as soon as that is possible
   */
  answer(request: ClientRequest, draining: boolean): void {
    this.#underWay -= 1;
    const { incoming, outgoing, body } = request;
    // A request whose body is not complete has none behind it: Node's parser has not come so far.
    if (request.isLast || !body.complete || (draining && request === this.#lastStarted)) {
      this.#lingers ||= outgoing.shouldKeepAlive || !body.complete;
      this.#end(outgoing);
      return;
    }
    // Without it Node closes the connection after the answer, and what was started behind it would get none.
    body.sendContinue();
    // What is left of a body that was refused would keep Node from reading the next request.
    if (incoming.readableDidRead && !incoming.readableEnded) incoming.resume();
    if (!draining || this.#underWay === 0) this.#startNext();
  }

  /**
   * No request can come any more. The answer to the last one, if that is still under way, ends the connection.
   *
   * @returns false where nothing is under way, and the connection can be answered as a whole
   */
  endAfterLast(failure?: BodyFailure): boolean {
    const request = this.#lastReceived;
    this.#lingers = true;
    if (request === undefined || !this.#socket.writable) return this.#ending;
    if (failure !== undefined) request.body.failUnlessComplete(failure);
    request.isLast = true;
    const { outgoing } = request;
    if (outgoing.writableFinished) return this.#ending;
    if (outgoing.headersSent && !this.#ending) outgoing.once('finish', () => this.#lingering.end(this.#socket));
    this.#ending = true;
    return true;
  }

  /** Gives up waiting for the rest of a body. */
  refuseUnfinished(): void {
    this.#lastReceived?.body.failUnlessComplete('timed-out');
  }

  /** Answers what is no request, and ends the connection. */
  refuse(answer: string): void {
    this.#ending = true;
    this.#lingering.end(this.#socket, answer);
  }

  #start(request: ClientRequest, start: () => void): void {
    this.#underWay += 1;
    this.#lastStarted = request;
    start();
  }

  #startNext(): void {
    const next = this.#waiting.shift();
    if (!next) return;
    this.#start(next.request, next.start);
    if (this.#waiting.length === 0) this.#socket.resume();
  }

  /** Ends the connection with an answer that is about to be written. */
  #end(outgoing: ClientRequest['outgoing']): void {
    this.#ending = true;
    this.#waiting.length = 0;
    outgoing.shouldKeepAlive = false;
    const { destroySoon } = this.#socket;
    // Node's HTTP server calls this when it has written an answer with `Connection: close`.
    this.#socket.destroySoon = () => {
      if (this.#lingers && !this.#socket.readableEnded) this.#lingering.end(this.#socket);
      else destroySoon.call(this.#socket);
    };
  }
}

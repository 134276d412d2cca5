import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Client } from '../../handler/publisher.ts';
import type { ClientRequest } from './client-request.ts';
import type { Place } from './connection-limit.ts';
import type { LingeringCloses } from './lingering-close.ts';
import type { BodyFailure } from './request-body.ts';
import { RequestFeed, type UnparsedBytes } from './request-feed.ts';
import type { TurnBudget, Waiting } from './turn-budget.ts';
import type { Reader, UnreadAnswers } from './unread-answers.ts';

/** Pipelined requests of one connection that are processed at once; no more are read from it until they are answered. */
const MAX_PIPELINED = 64;

/** Memory of answers that a client has not read; until it does, no more of its requests are started. */
const MAX_UNREAD = 64 * 1024;

/** What the connections of one server share. */
export interface SharedByConnections {
  readonly lingering: LingeringCloses;
  readonly turns: TurnBudget;
  readonly unread: UnreadAnswers;
  readonly unparsed: UnparsedBytes;
}

interface Next {
  readonly request: ClientRequest;
  readonly start: () => void;
}

/**
 * One connection of a client, and the order of its requests.
 *
 * Pipelined requests are processed concurrently, and Node puts their answers in order. RFC 9112 section 9.6: after an
 * answer that says `Connection: close`, nothing is processed any more. So only the answer to the last request that was
 * started may say so, and after it none is started; what was received and not started is dropped.
 *
 * One request at most waits to be started. The parser is held at it, and what follows is bytes: a request that was parsed
 * takes a hundred times their memory.
 */
export class ClientConnection implements Waiting, Reader {
  readonly socket: Socket;
  /** Who is at the other end. */
  readonly peer: Client;
  unread = 0;
  readonly #shared: SharedByConnections;
  readonly #place: Place | undefined;
  /** Requests that were started and have no answer yet. */
  #underWay = 0;
  /** Requests that were started and whose answers have not been handed to the kernel yet. */
  #unfinished = 0;
  /** The request that waits for its turn. */
  #next: Next | undefined;
  #isQueued = false;
  #feed: RequestFeed | undefined;
  #lastReceived: ClientRequest | undefined;
  #lastStarted: ClientRequest | undefined;
  /** What still comes is not processed. */
  #ending = false;
  /** The client may still send, and would lose the answer if the connection were closed at once. */
  #lingers = false;
  #watched: Set<AbortController> | undefined;

  /** @param place what it takes of the server's room; none where that is not known */
  constructor(socket: Socket, peer: Client, shared: SharedByConnections, place: Place | undefined) {
    this.socket = socket;
    this.peer = peer;
    this.#shared = shared;
    this.#place = place;
    // The client has ended its side, and may still read.
    socket.once('end', () => {
      if (this.#lastReceived) this.#lastReceived.isLast = true;
      // Node says so by itself, but for a request that asks for an upgrade.
      this.#lastReceived?.body.failUnlessComplete('aborted');
      this.#leave();
    });
  }

  /** Not a byte has come. */
  get silent(): boolean {
    return this.socket.bytesRead === 0;
  }

  /** To be called when the socket is closed. */
  closed(): void {
    this.#next = undefined;
    this.#shared.unread.remove(this, this.unread);
    this.#leave();
  }

  /** A signal that is aborted when the client leaves before a request is answered. */
  watch({ outgoing }: ClientRequest): AbortSignal {
    const controller = new AbortController();
    this.#watched ??= new Set();
    this.#watched.add(controller);
    outgoing.once('close', () => this.#watched?.delete(controller));
    if (this.socket.readableEnded || this.socket.destroyed) controller.abort();
    return controller.signal;
  }

  #leave(): void {
    for (const controller of this.#watched ?? []) controller.abort();
  }

  /**
   * To be called while Node's parser is at a request.
   *
   * @param start hands the request to the handler, now or later, unless an answer before it closes the connection
   */
  receive(request: ClientRequest, start: () => void): void {
    if (this.#ending) {
      this.#feedOf()?.hold();
      return;
    }
    this.#ending = request.isLast;
    this.#lastReceived = request;
    if (this.#unfinished === 0) {
      this.#place?.leave();
      this.#start(request, start);
      return;
    }
    const held = this.#feed;
    // Where the parser cannot be held, or not yet, this request can only be started.
    if (!held) {
      if (!this.#feedOf()) this.#ending = request.isLast = true;
      this.#start(request, start);
    } else if (this.#mayStart && this.#shared.turns.take()) {
      this.#start(request, start);
    } else {
      held.hold(request.incoming);
      this.#next = { request, start };
      this.#queueNext();
    }
  }

  /**
   * To be called while Node's parser is at a request that asks for an upgrade, which is ignored.
   *
   * @returns false where the requests behind it may be lost
   */
  keepWhatFollows(request: IncomingMessage): boolean {
    const feed = this.#feedOf();
    feed?.keepWhatFollows(request);
    return feed !== undefined;
  }

  #feedOf(): RequestFeed | undefined {
    this.#feed ??= RequestFeed.of(this.socket, this.#shared.unparsed, () => this.#overflow());
    return this.#feed;
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
    if (!draining || this.#underWay === 0) this.#queueNext();
  }

  /** To be called when an answer takes memory until its client has read what is before it. */
  addUnread(bytes: number): void {
    this.#shared.unread.add(this, bytes);
  }

  /** To be called when an answer was handed to the kernel. */
  finish(unread: number): void {
    if (unread > 0) this.#shared.unread.remove(this, Math.min(unread, this.unread));
    this.#unfinished -= 1;
    if (this.#next) this.#queueNext();
    else if (this.#unfinished === 0) this.#rest();
  }

  /**
   * No request can come any more. The answer to the last one, if that is still under way, ends the connection.
   *
   * @returns false where nothing is under way, and the connection can be answered as a whole
   */
  endAfterLast(failure?: BodyFailure): boolean {
    const request = this.#lastReceived;
    this.#lingers = true;
    if (request === undefined || !this.socket.writable) return this.#ending;
    if (failure !== undefined) request.body.failUnlessComplete(failure);
    request.isLast = true;
    const { outgoing } = request;
    if (outgoing.writableFinished) return this.#ending;
    if (outgoing.headersSent && !this.#ending) outgoing.once('finish', () => this.#shared.lingering.end(this.socket));
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
    this.#rest();
    this.#shared.lingering.end(this.socket, answer);
  }

  #start(request: ClientRequest, start: () => void): void {
    this.#underWay += 1;
    this.#unfinished += 1;
    this.#lastStarted = request;
    start();
  }

  get #mayStart(): boolean {
    return this.#underWay < MAX_PIPELINED && this.unread < MAX_UNREAD;
  }

  #queueNext(): void {
    if (!this.#next || this.#isQueued || !this.#mayStart) return;
    this.#isQueued = true;
    this.#shared.turns.wait(this);
  }

  startNext(): void {
    this.#isQueued = false;
    const next = this.#next;
    // An answer or its reader asks again.
    if (!next || !this.#mayStart) return;
    this.#next = undefined;
    this.#start(next.request, next.start);
    this.#feed?.release();
  }

  /** More than can be kept is to be parsed: what was not started is dropped. */
  #overflow(): void {
    this.#next = undefined;
    this.#lastReceived = this.#lastStarted;
    if (!this.endAfterLast()) this.#shared.lingering.end(this.socket);
  }

  #rest(): void {
    if (this.#ending) this.#place?.begin();
    else this.#place?.free();
  }

  /** Ends the connection with an answer that is about to be written. */
  #end(outgoing: ClientRequest['outgoing']): void {
    this.#ending = true;
    this.#next = undefined;
    outgoing.shouldKeepAlive = false;
    const { destroySoon } = this.socket;
    // Node's HTTP server calls this when it has written an answer with `Connection: close`.
    this.socket.destroySoon = () => {
      if (this.#lingers && !this.socket.readableEnded) this.#shared.lingering.end(this.socket);
      else destroySoon.call(this.socket);
    };
  }
}

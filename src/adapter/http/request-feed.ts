import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Node's HTTP parser parses whatever one read brought in one go: thousands of requests, for each of which Node makes
 * several objects, whether anybody wants them or not. And behind a request that asks for an upgrade it stops, and forgets
 * the rest of the read, though the request is an ordinary one where the upgrade is not taken (RFC 9110 section 7.8). Node
 * has no option for either (26.10). So where a client pipelines or asks for an upgrade, the parser is given its bytes from
 * here on: it can be held at a request, and what it left over is given to it again.
 */

/** The parts of Node's HTTP parser that are needed, none of which is documented. */
interface Parser {
  /** Parses bytes; gives back how many, or an error. */
  execute(bytes: Buffer): unknown;
  /** Lets it go on after a pause. */
  resume(): void;
  /** The bytes of the current read, where Node's parser reads from the kernel itself. */
  getCurrentBuffer(): Buffer;
  /** Called with each request whose head was parsed; what it returns is for llhttp. */
  onIncoming: OnIncoming;
  /** By `kOnExecute`: what Node's server does after each read. */
  [onExecute: number]: unknown;
}

type OnExecute = (parsed: unknown) => void;
type OnIncoming = (incoming: IncomingMessage, keepAlive: boolean) => unknown;

/** llhttp's HPE_PAUSED: returned at the end of a head, it stops the parser there. */
const PAUSED = 21;

const NOTHING = Buffer.alloc(0);

/** An empty part of something: without an address, Node would take it for the end of the connection. */
const NO_BYTES = Buffer.alloc(1).subarray(1);

/** What a request and its response take, and each name and value of its headers, which is also text. */
const REQUEST_BYTES = 4_096;
const HEADER_TEXT_BYTES = 64;

/** Bytes that were read and not processed yet, of all connections of a server. */
export class UnparsedBytes {
  readonly #max: number;
  #bytes = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns false where they are too many */
  add(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes <= this.#max;
  }

  remove(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Gives the parser the bytes of one connection. */
export class RequestFeed {
  readonly #socket: Socket;
  readonly #parser: Parser;
  readonly #onExecute: OnExecute;
  readonly #unparsed: UnparsedBytes;
  /** Called when too much waits to be parsed: what this connection still brings is not. */
  readonly #onOverflow: () => void;
  /** What of `unparsed` is this connection's. */
  #kept = 0;
  /** What the request takes at which the parser is held. */
  #headBytes = 0;
  /** The last request that asked for an upgrade, until its end has been seen. */
  #asking: IncomingMessage | undefined;
  #held = false;
  /** What came is no HTTP any more, or is not wanted. */
  #isOver = false;

  private constructor(
    socket: Socket,
    parser: Parser,
    onExecute: OnExecute,
    unparsed: UnparsedBytes,
    onOverflow: () => void,
  ) {
    this.#socket = socket;
    this.#parser = parser;
    this.#onExecute = onExecute;
    this.#unparsed = unparsed;
    this.#onOverflow = onOverflow;
  }

  /**
   * To be called while Node's parser is at a request. The feed begins when the parser is through with the current read,
   * or is held.
   *
   * @returns undefined where this Node is built otherwise, and the parser cannot be held
   */
  static of(socket: Socket, unparsed: UnparsedBytes, onOverflow: () => void): RequestFeed | undefined {
    const parser: unknown = Reflect.get(socket, 'parser');
    if (!isParser(parser)) return undefined;
    const key: unknown = Reflect.get(parser.constructor, 'kOnExecute');
    const onExecute = typeof key === 'number' ? parser[key] : undefined;
    if (typeof key !== 'number' || !isOnExecute(onExecute)) return undefined;
    const feed = new RequestFeed(socket, parser, onExecute, unparsed, onOverflow);
    parser[key] = (parsed: unknown) => {
      parser[key] = onExecute;
      feed.#begin(feed.#afterParsed(parser.getCurrentBuffer(), parsed));
    };
    const { onIncoming } = parser;
    parser.onIncoming = (incoming, keepAlive) => {
      const result = onIncoming(incoming, keepAlive);
      return feed.#held ? PAUSED : result;
    };
    return feed;
  }

  /** To be called while the parser is at a request that asks for an upgrade, which is ignored. */
  keepWhatFollows(request: IncomingMessage): void {
    this.#asking = request;
  }

  /**
   * To be called while the parser is at a request: neither its body nor what follows is parsed until `release`.
   *
   * @param waiting that request, if it is kept until then
   */
  hold(waiting?: IncomingMessage): void {
    this.#held = true;
    this.#headBytes = waiting ? REQUEST_BYTES + waiting.rawHeaders.length * HEADER_TEXT_BYTES : 0;
  }

  /** Not to be called while the parser is at work. */
  release(): void {
    if (!this.#held || !this.#isOurs) return;
    this.#held = false;
    this.#headBytes = 0;
    this.#forget();
    // Of a request without a body this is the end, which Node must see now: maybe nothing follows.
    this.#parser.resume();
    this.#afterParsed(NO_BYTES, this.#parser.execute(NO_BYTES));
    if (!this.#held) this.#socket.resume();
  }

  /** Node gives a parser that it has taken from this connection to another one. */
  get #isOurs(): boolean {
    return !this.#isOver && Reflect.get(this.#socket, 'parser') === this.#parser;
  }

  #begin(rest: Buffer): void {
    if (!this.#isOurs) return;
    const stops = { pause: this.#socket.listeners('pause'), resume: this.#socket.listeners('resume') };
    this.#socket.removeAllListeners('data');
    // Node takes this for a sign that its parser may no longer read from the kernel itself.
    this.#socket.on('data', (bytes: Buffer) => this.#parse(bytes));
    // It takes away with that what stops the reading while the socket is paused.
    for (const name of ['pause', 'resume'] as const)
      for (const stop of stops[name])
        if (isListener(stop) && !this.#socket.listeners(name).includes(stop)) this.#socket.on(name, stop);
    // Node reads on from a connection whenever a body is read, though the bodies under way have all arrived by then.
    this.#socket.on('resume', () => {
      if (this.#held && this.#isOurs) this.#socket.pause();
    });
    this.#socket.once('close', () => this.#forget());
    if (this.#held) this.#socket.pause();
    this.#keep(rest);
  }

  #parse(bytes: Buffer): void {
    this.#forget();
    let rest = bytes;
    while (rest.length > 0 && this.#isOurs) {
      if (this.#held || this.#socket.isPaused()) {
        this.#socket.pause();
        this.#keep(rest);
        return;
      }
      // Node pauses it when much waits to be read by the client; that is judged before a request is started.
      this.#parser.resume();
      rest = this.#afterParsed(rest, this.#parser.execute(rest));
    }
  }

  #keep(rest: Buffer): void {
    // A part of a read keeps all of its memory.
    this.#kept = (rest.length > 0 ? rest.buffer.byteLength : 0) + this.#headBytes;
    if (this.#unparsed.add(this.#kept)) {
      if (rest.length > 0) this.#socket.unshift(rest);
      return;
    }
    this.#forget();
    this.#isOver = true;
    this.#onOverflow();
  }

  #forget(): void {
    this.#unparsed.remove(this.#kept);
    this.#kept = 0;
  }

  /**
   * Has Node's server do what it does after each read. From a request that asks for an upgrade on, until the headers of
   * the next one, the parser hides its errors: it only tells how far it got, as it does at the end of such a request.
   *
   * @returns the bytes that are still to be parsed
   */
  #afterParsed(bytes: Buffer, parsed: unknown): Buffer {
    if (this.#held) return bytes.subarray(positionOf(parsed));
    this.#onExecute(parsed);
    const isAtEnd = this.#asking?.complete === true;
    if (isAtEnd) this.#asking = undefined;
    this.#isOver ||= typeof parsed !== 'number';
    if (!this.#isOurs || typeof parsed !== 'number' || parsed >= bytes.length) return NOTHING;
    if (isAtEnd) return bytes.subarray(parsed);
    this.#isOver = true;
    this.#onExecute(Object.assign(new Error('Parse Error'), { code: 'HPE_INVALID_CONSTANT' }));
    return NOTHING;
  }
}

/** How far a parser that is held has got, which it tells as an error, or behind an upgrade as a number. */
function positionOf(parsed: unknown): number {
  const position: unknown = parsed instanceof Error ? Reflect.get(parsed, 'bytesParsed') : parsed;
  return typeof position === 'number' ? position : Number.POSITIVE_INFINITY;
}

const isParser = (value: unknown): value is Parser =>
  typeof value === 'object' &&
  value !== null &&
  ['execute', 'resume', 'getCurrentBuffer', 'onIncoming'].every(
    (name) => typeof Reflect.get(value, name) === 'function',
  );

const isListener = (value: unknown): value is () => void => typeof value === 'function';

const isOnExecute = (value: unknown): value is OnExecute => typeof value === 'function';

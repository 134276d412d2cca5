import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * A request with `Connection: Upgrade` is an ordinary one where the upgrade is not taken (RFC 9110 section 7.8). Node's
 * parser stops after it all the same, and forgets what else it was given in the same read: the requests pipelined behind
 * it. Node has no option for that (26.10), so what it forgets is given to it again.
 */

/** The parts of Node's HTTP parser that are needed, none of which is documented. */
interface Parser {
  /** Parses bytes; gives back how many, or an error. */
  execute(bytes: Buffer): unknown;
  /** The bytes of the current read, where Node's parser reads from the kernel itself. */
  getCurrentBuffer(): Buffer;
  /** By `kOnExecute`: what Node's server does after each read. */
  [onExecute: number]: unknown;
}

type OnExecute = (parsed: unknown) => void;

const watched = new WeakMap<Socket, Feed>();

/**
 * To be called while Node's parser is at a request that asks for an upgrade.
 *
 * @returns false where this Node is built otherwise, and the requests behind this one may be lost
 */
export function keepWhatFollowsUpgrade(request: IncomingMessage): boolean {
  const { socket } = request;
  const feed = watched.get(socket) ?? Feed.of(socket);
  if (!feed) return false;
  watched.set(socket, feed);
  feed.asking = request;
  return true;
}

const NOTHING = Buffer.alloc(0);

/** Gives the parser the bytes of a connection on which a request has asked for an upgrade. */
class Feed {
  readonly #socket: Socket;
  readonly #parser: Parser;
  readonly #onExecute: OnExecute;
  /** The last request that asked for an upgrade, until its end has been seen. */
  asking: IncomingMessage | undefined;
  /** What came is no HTTP any more. */
  #isBroken = false;

  private constructor(socket: Socket, parser: Parser, onExecute: OnExecute) {
    this.#socket = socket;
    this.#parser = parser;
    this.#onExecute = onExecute;
  }

  /** It begins when the parser is through with the current read. */
  static of(socket: Socket): Feed | undefined {
    const parser: unknown = Reflect.get(socket, 'parser');
    if (!isParser(parser)) return undefined;
    const key: unknown = Reflect.get(parser.constructor, 'kOnExecute');
    const onExecute = typeof key === 'number' ? parser[key] : undefined;
    if (typeof key !== 'number' || !isOnExecute(onExecute)) return undefined;
    const feed = new Feed(socket, parser, onExecute);
    parser[key] = (parsed: unknown) => {
      parser[key] = onExecute;
      feed.#begin(feed.#afterParsed(parser.getCurrentBuffer(), parsed));
    };
    return feed;
  }

  /** Node gives a parser that it has taken from this connection to another one. */
  get #isOurs(): boolean {
    return !this.#isBroken && Reflect.get(this.#socket, 'parser') === this.#parser;
  }

  #begin(rest: Buffer): void {
    if (!this.#isOurs) return;
    this.#socket.removeAllListeners('data');
    // Node takes this for a sign that its parser may no longer read from the kernel itself.
    this.#socket.on('data', (bytes: Buffer) => this.#parse(bytes));
    if (rest.length > 0) this.#socket.unshift(rest);
  }

  #parse(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0 && this.#isOurs) {
      if (this.#socket.isPaused()) {
        this.#socket.unshift(rest);
        return;
      }
      rest = this.#afterParsed(rest, this.#parser.execute(rest));
    }
  }

  /**
   * Has Node's server do what it does after each read. From a request that asks for an upgrade on, until the headers of
   * the next one, the parser hides its errors: it only tells how far it got, as it does at the end of such a request.
   *
   * @returns the bytes that are still to be parsed
   */
  #afterParsed(bytes: Buffer, parsed: unknown): Buffer {
    this.#onExecute(parsed);
    const isAtEnd = this.asking?.complete === true;
    if (isAtEnd) this.asking = undefined;
    this.#isBroken ||= typeof parsed !== 'number';
    if (!this.#isOurs || typeof parsed !== 'number' || parsed >= bytes.length) return NOTHING;
    if (isAtEnd) return bytes.subarray(parsed);
    this.#isBroken = true;
    this.#onExecute(Object.assign(new Error('Parse Error'), { code: 'HPE_INVALID_CONSTANT' }));
    return NOTHING;
  }
}

const isParser = (value: unknown): value is Parser =>
  typeof value === 'object' &&
  value !== null &&
  ['execute', 'getCurrentBuffer'].every((name) => typeof Reflect.get(value, name) === 'function');

const isOnExecute = (value: unknown): value is OnExecute => typeof value === 'function';

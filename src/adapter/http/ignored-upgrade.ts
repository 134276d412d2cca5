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

const watched = new WeakSet<Socket>();

/**
 * To be called while Node's parser is at a request that asks for an upgrade.
 *
 * @returns false where this Node is built otherwise, and the requests behind this one may be lost
 */
export function keepWhatFollowsUpgrade({ socket }: IncomingMessage): boolean {
  if (watched.has(socket)) return true;
  const parser: unknown = Reflect.get(socket, 'parser');
  if (!isParser(parser)) return false;
  const key: unknown = Reflect.get(parser.constructor, 'kOnExecute');
  const onExecute = typeof key === 'number' ? parser[key] : undefined;
  if (typeof key !== 'number' || !isOnExecute(onExecute)) return false;
  watched.add(socket);
  parser[key] = (parsed: unknown) => {
    parser[key] = onExecute;
    const bytes = parser.getCurrentBuffer();
    onExecute(parsed);
    if (Reflect.get(socket, 'parser') !== parser) return;
    feed(socket, parser, onExecute);
    if (typeof parsed === 'number' && parsed < bytes.length) socket.unshift(bytes.subarray(parsed));
  };
  return true;
}

/** From here on the parser is given the bytes of this connection by us. */
function feed(socket: Socket, parser: Parser, onExecute: OnExecute): void {
  socket.removeAllListeners('data');
  // Node takes this for a sign that its parser may no longer read from the kernel itself.
  socket.on('data', (bytes: Buffer) => {
    let rest = bytes;
    // Node gives a parser that it has taken from this connection to another one.
    while (rest.length > 0 && Reflect.get(socket, 'parser') === parser) {
      if (socket.isPaused()) {
        socket.unshift(rest);
        return;
      }
      const parsed = parser.execute(rest);
      onExecute(parsed);
      if (typeof parsed !== 'number') return;
      rest = rest.subarray(parsed);
    }
  });
}

const isParser = (value: unknown): value is Parser =>
  typeof value === 'object' &&
  value !== null &&
  ['execute', 'getCurrentBuffer'].every((name) => typeof Reflect.get(value, name) === 'function');

const isOnExecute = (value: unknown): value is OnExecute => typeof value === 'function';

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const LINGER_MS = 2_000;

/**
 * Lets a client read an early answer whose request is still on its way. Node would close the socket with the answer,
 * and the kernel reset it for the bytes that nobody reads, answer and all; so what the client still sends is
 * discarded for a while (nginx calls this a lingering close).
 */
export function lingerOnClose(incoming: IncomingMessage): void {
  const { socket } = incoming;
  // Node's HTTP server calls this where it has written an answer with `Connection: close`.
  socket.destroySoon = () => {
    incoming.resume();
    endLingering(socket);
  };
}

/** Ends our side of a connection, and reads what comes on the other until its end, or for a while. */
export function endLingering(socket: Duplex, last?: string): void {
  socket.end(last);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
}

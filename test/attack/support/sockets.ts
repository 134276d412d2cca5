import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface OpenOptions {
  readonly localAddress?: string;
  /** Nothing of what comes is read. */
  readonly unread?: boolean;
  readonly onData?: (chunk: Buffer) => void;
  /** No more are opened when it says so. */
  readonly signal?: AbortSignal;
}

/** A connection that survives whatever the other side does; one that could not be made is destroyed. */
export function open(port: number, { localAddress, unread = false, onData }: OpenOptions = {}): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ...(localAddress !== undefined && { localAddress }) });
    socket.once('connect', () => resolve(socket));
    socket.once('close', () => resolve(socket));
    socket.on('error', () => {});
    if (!unread) socket.on('data', onData ?? (() => {}));
  });
}

/** Writes the same bytes again and again, as fast as they are taken, on so many connections; opens new ones for old. */
export async function flood(
  port: number,
  bytes: string | Buffer,
  connections: number,
  signal: AbortSignal,
  options: OpenOptions = {},
): Promise<{ readonly bytes: number; readonly opened: number }> {
  const block = Buffer.from(bytes);
  let sent = 0;
  let opened = 0;
  const one = async (): Promise<void> => {
    while (!signal.aborted) {
      const socket = await open(port, options);
      opened += 1;
      while (!socket.destroyed && !signal.aborted) {
        const taken = socket.write(block);
        sent += block.length;
        if (!taken) await drained(socket, signal);
        else await delay(0);
      }
      socket.destroy();
      if (!signal.aborted) await delay(10);
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  return { bytes: sent, opened };
}

function drained(socket: Socket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    socket.once('drain', done).once('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Opens so many connections, writes to each, and keeps those that the other side keeps, until the time is up. */
export async function hold(
  port: number,
  count: number,
  bytes: string | Buffer,
  options: OpenOptions = {},
): Promise<Held> {
  const sockets: Socket[] = [];
  const AT_ONCE = 50;
  for (let opened = 0; opened < count && !options.signal?.aborted; opened += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - opened) }, () => open(port, options));
    sockets.push(...(await Promise.all(some)));
    for (const socket of sockets.slice(-some.length)) if (bytes.length > 0) socket.write(bytes);
  }
  return new Held(sockets);
}

const READ_MS = 1_000;

export class Held {
  readonly sockets: readonly Socket[];

  constructor(sockets: readonly Socket[]) {
    this.sockets = sockets;
  }

  get open(): number {
    return this.sockets.filter(({ destroyed, readableEnded }) => !destroyed && !readableEnded).length;
  }

  /** How many are still open once what has come on them is read, which nobody has done so far. */
  async openWhenRead(): Promise<number> {
    for (const socket of this.sockets) socket.resume();
    await delay(READ_MS);
    return this.open;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}

/** Sends bytes, and gives back all that came until it was enough, the other side closed, or had been silent for a while. */
export async function converse(
  port: number,
  pieces: readonly (string | Buffer)[],
  { quietMs = 500, answers = Number.POSITIVE_INFINITY }: { readonly quietMs?: number; readonly answers?: number } = {},
): Promise<string> {
  let received = '';
  let heardAt = performance.now();
  const socket = await open(port, {
    onData: (chunk) => {
      received += chunk.toString('latin1');
      heardAt = performance.now();
    },
  });
  for (const piece of pieces) {
    socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    if (pieces.length > 1) await delay(20);
  }
  heardAt = performance.now();
  const isEnough = (): boolean => socket.destroyed || statusesIn(received).length >= answers;
  while (!isEnough() && performance.now() - heardAt < quietMs) await delay(10);
  socket.destroy();
  return received;
}

/** The statuses of the answers in what was received. */
export const statusesIn = (received: string): number[] =>
  [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)).filter((status) => status !== 100);

/** Resolves when the time is up. */
export function timeIsUp(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

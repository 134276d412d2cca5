import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const PIECE = 16 * 1024;

/** A link on which what clients send takes its time, as over a slow uplink; answers come at once. */
export class SlowLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param bytesPerSecond for each connection */
  static async start(targetPort: number, bytesPerSecond: number): Promise<SlowLink> {
    const server = createServer({ allowHalfOpen: true });
    const link = new SlowLink(server);
    server.on('connection', (client) => {
      const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
      link.#tie(client, target);
      link.#tie(target, client);
      target.pipe(client);
      // A rejection is the end of the connection, which `#tie` has passed on.
      carry(client, target, bytesPerSecond).catch(() => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The end of one side is the end of the other, a reset included. */
  #tie(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      if (from.errored === null) to.end();
    });
  }
}

/** Keeps to the rate by the clock: on a busy machine timers are late, and the link must not be slower for that. */
async function carry(from: Socket, to: Socket, bytesPerSecond: number): Promise<void> {
  const start = performance.now();
  let sent = 0;
  for await (const chunk of from) {
    for (let offset = 0; offset < chunk.length; offset += PIECE) {
      const piece = chunk.subarray(offset, offset + PIECE);
      to.write(piece);
      sent += piece.length;
      const early = start + (sent / bytesPerSecond) * 1000 - performance.now();
      if (early > 0) await delay(early);
    }
  }
  to.end();
}

import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const PIECE_BYTES = 16 * 1024;

/** A TCP link to a server over which clients send slowly and receive at once. It passes on ends and resets. */
export class SlowUplink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(targetPort: number, bytesPerSecond: number) {
    this.#server = createServer({ allowHalfOpen: true, highWaterMark: PIECE_BYTES }, (client) => {
      const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
      for (const [socket, other] of [
        [client, target],
        [target, client],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => other.resetAndDestroy());
        socket.on('close', () => this.#sockets.delete(socket));
      }
      target.pipe(client);
      void sendSlowly(client, target, bytesPerSecond);
    });
  }

  static async start(targetPort: number, bytesPerSecond: number): Promise<SlowUplink> {
    const uplink = new SlowUplink(targetPort, bytesPerSecond);
    await new Promise<void>((resolve) => uplink.#server.listen(0, '127.0.0.1', resolve));
    return uplink;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

async function sendSlowly(from: Socket, to: Socket, bytesPerSecond: number): Promise<void> {
  try {
    for await (const chunk of from) {
      to.write(chunk);
      await delay((chunk.length / bytesPerSecond) * 1000);
    }
    to.end();
  } catch {
    to.resetAndDestroy();
  }
}

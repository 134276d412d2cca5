import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'vitest';

/** A TCP server that keeps what it is sent. */
export class StreamReceiver {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  text = '';

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
      });
      socket.on('error', () => {});
    });
  }

  static async listen(port: number): Promise<StreamReceiver> {
    const receiver = new StreamReceiver();
    receiver.#server.listen(port, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  async has(text: string): Promise<void> {
    await expect.poll(() => this.text, { timeout: 20_000 }).toContain(text);
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await once(this.#server, 'close');
  }
}

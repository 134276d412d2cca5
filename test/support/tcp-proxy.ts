import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * How bytes get through: as they come; not at all, or not from the broker (half-open: nobody is told); late; or one by
 * one. Bytes that were swallowed leave a gap that TCP does not have: `cut` before they pass again.
 */
export type Link = 'pass' | 'swallow' | 'swallow answers' | { readonly delayMs: number } | 'byte by byte';

type Direction = 'to the broker' | 'from the broker';

/** A TCP link between the gateway and a broker that can be made bad. */
export class TcpProxy {
  link: Link = 'pass';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(targetPort: number) {
    this.#server = createServer((client) => {
      const target = connect(targetPort, '127.0.0.1');
      client.setNoDelay(true);
      target.setNoDelay(true);
      this.#carry(client, target, 'to the broker');
      this.#carry(target, client, 'from the broker');
    });
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Ends all connections with a reset. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #carry(from: Socket, to: Socket, direction: Direction): void {
    this.#sockets.add(from);
    let before = Promise.resolve();
    from.on('data', (chunk) => {
      const { link } = this;
      if (link === 'swallow' || (link === 'swallow answers' && direction === 'from the broker')) return;
      const waited = typeof link === 'object' ? delay(link.delayMs) : Promise.resolve();
      // In the order in which they came, also where the link has become fast again.
      before = Promise.all([before, waited]).then(() => deliver(chunk, to, link));
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

function deliver(chunk: Buffer, to: Socket, link: Link): void {
  if (link === 'byte by byte') for (const byte of chunk) to.write(Buffer.of(byte));
  else to.write(chunk);
}

import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * How bytes get through: as they come, not at all (half-open: nobody is told), late, or one by one.
 */
export type Link = 'pass' | 'swallow' | { readonly delayMs: number } | 'byte by byte';

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
      this.#carry(client, target);
      this.#carry(target, client);
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

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk) => this.#deliver(chunk, to));
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }

  #deliver(chunk: Buffer, to: Socket): void {
    const { link } = this;
    if (link === 'pass') to.write(chunk);
    else if (link === 'byte by byte') for (const byte of chunk) to.write(Buffer.of(byte));
    else if (link !== 'swallow') setTimeout(() => to.write(chunk), link.delayMs);
  }
}

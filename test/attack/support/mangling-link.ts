import { connect, createServer, type Server, type Socket } from 'node:net';

/** A link to a broker that can speak in its place: the gateway takes what it says for the broker's. */
export class ManglingLink {
  /** What every new connection hears instead of a broker. */
  greeting: Buffer | undefined;
  accepted = 0;
  readonly #server: Server;
  readonly #gateways = new Set<Socket>();

  private constructor(brokerPort: number) {
    this.#server = createServer((gateway) => {
      this.accepted += 1;
      this.#gateways.add(gateway);
      gateway.on('error', () => {}).on('close', () => this.#gateways.delete(gateway));
      if (this.greeting) {
        gateway.write(this.greeting);
        gateway.resume();
        return;
      }
      const broker = connect(brokerPort, '127.0.0.1');
      broker.on('error', () => {}).on('close', () => gateway.destroy());
      gateway.on('close', () => broker.destroy());
      gateway.pipe(broker);
      broker.pipe(gateway);
    });
  }

  static async start(brokerPort: number): Promise<ManglingLink> {
    const link = new ManglingLink(brokerPort);
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Says so on every connection that is open, in the midst of what the broker says. */
  inject(bytes: Buffer): void {
    for (const gateway of this.#gateways) gateway.write(bytes);
  }

  cut(): void {
    for (const gateway of this.#gateways) gateway.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { LinkOptions } from './link.ts';

const PROBE_MS = 1_000;

/**
 * Finds out, while no connection to RabbitMQ is open, whether one could be opened: whether any host takes a TCP
 * connection. Nothing is sent, for RabbitMQ logs a broken handshake as an error, and a silent one not at all.
 */
export class BrokerProbe {
  readonly #link: LinkOptions;
  readonly #connected: () => boolean;
  readonly #timer: NodeJS.Timeout;
  #reachableAt = Number.NEGATIVE_INFINITY;

  /** @param connected whether a connection is open, so that nothing need be probed */
  constructor(link: LinkOptions, connected: () => boolean) {
    this.#link = link;
    this.#connected = connected;
    this.#timer = setInterval(() => void this.#probe(), PROBE_MS);
    this.#timer.unref();
    void this.#probe();
  }

  /** A connection was open, or could have been, within so many milliseconds. */
  reachableWithin(milliseconds: number): boolean {
    return performance.now() - this.#reachableAt <= milliseconds;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #probe(): Promise<void> {
    const reachable = this.#connected() || (await this.#anyHostAnswers());
    if (reachable) this.#reachableAt = performance.now();
  }

  async #anyHostAnswers(): Promise<boolean> {
    const { hosts, tls } = this.#link;
    const answers = hosts.map(({ host, port }) =>
      answersOn(
        tls ? connectTls({ ...tls, host, port }) : connectTcp({ host, port }),
        tls ? 'secureConnect' : 'connect',
      ),
    );
    return (await Promise.all(answers)).includes(true);
  }
}

function answersOn(socket: Socket, event: 'connect' | 'secureConnect'): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_MS, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once(event, () => finish(true));
  });
}

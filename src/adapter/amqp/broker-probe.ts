import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { BrokerHost } from './broker-hosts.ts';
import { causeOf } from './causes.ts';
import type { LinkOptions } from './link.ts';
import { tlsOptionsFor } from './tls-options.ts';

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

  /** @param connected whether a connection is open, so that only hosts that could not be reached need be probed */
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
    const connected = this.#connected();
    const { all, unreachable } = this.#link.hosts;
    const isUnreachable = ({ host, port }: BrokerHost): boolean =>
      unreachable.some((each) => each.host === host && each.port === port);
    if (connected) this.#reachableAt = performance.now();
    const answers = await Promise.all(
      (connected ? all.filter(isUnreachable) : all).map((broker) => this.#isReachable(broker)),
    );
    if (answers.includes(true)) this.#reachableAt = performance.now();
  }

  async #isReachable(broker: BrokerHost): Promise<boolean> {
    const { hosts, tls } = this.#link;
    const { host, port } = broker;
    const socket = tls ? connectTls({ ...tlsOptionsFor(host, tls), host, port }) : connectTcp({ host, port });
    const cause = await failureOf(socket, tls ? 'secureConnect' : 'connect');
    if (cause === undefined) hosts.reached(broker, 'network');
    else hosts.failed(broker, 'network', cause);
    return cause === undefined;
  }
}

/** Why there is no connection; undefined where there is one. */
function failureOf(socket: Socket, event: 'connect' | 'secureConnect'): Promise<string | undefined> {
  return new Promise((resolve) => {
    const finish = (cause?: string): void => {
      socket.destroy();
      resolve(cause);
    };
    socket.setTimeout(PROBE_MS, () => finish('timed out'));
    socket.once('error', (error) => finish(causeOf(error)));
    socket.once(event, () => finish());
  });
}

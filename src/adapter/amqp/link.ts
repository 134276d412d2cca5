import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { type Channel as AmqpChannel, Connection as AmqpConnection } from 'rabbitmq-client';
import { adoptNegotiated, replaceUnconfirmed, socketOf, watchReturns, writeAtOnce } from './library.ts';
import { type LoginRefusal, type LossKind, loginRefusalOf, lossOf } from './outcomes.ts';
import type { TokenHints } from './token-login.ts';

/** Where RabbitMQ is and how to speak with it. */
export interface LinkOptions {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly tls?: ConnectionOptions;
  readonly heartbeatSeconds: number;
  readonly connectTimeoutMs: number;
  /** What an operator sees in RabbitMQ's list of connections. */
  readonly connectionName: string;
}

export interface Login {
  readonly vhost: string;
  readonly username: string;
  readonly password: string;
  /** Where the password is a token. */
  readonly token?: TokenHints;
}

export interface LinkListener {
  onBlocked(reason: string): void;
  onUnblocked(): void;
  /** Called once, after all channels have closed. */
  onLost(kind: LossKind, cause: unknown): void;
}

export type LinkOutcome =
  | { readonly kind: 'open'; readonly link: Link }
  | LoginRefusal
  | { readonly kind: 'unreachable' };

/** RabbitMQ's default; a broker with a smaller one is told apart after the handshake. */
const FRAME_MAX = 131_072;

/** Fewer, larger stops for the encoder, whose back-pressure follows the socket's buffer. */
const WRITE_BUFFER_BYTES = 1024 * 1024;

/** Longer than any connection waits for its first error, on which it is discarded. */
const NEVER_RETRY_MS = 2 ** 31 - 1;

/**
 * One AMQP connection to one host. It never comes back by itself: the client library's own reconnect would hide a
 * refused login, so a connection is discarded on its first error and the next one is built deliberately.
 */
export class Link {
  readonly #connection: AmqpConnection;
  #frameMax = FRAME_MAX;
  #channelMax = 1;
  #closed = false;
  #socket: Socket | undefined;
  #gathering = false;

  private constructor(connection: AmqpConnection) {
    this.#connection = connection;
  }

  /** Tries the hosts in turn, beginning at `first`, until one answers. */
  static async open(options: LinkOptions, login: Login, listener: LinkListener, first = 0): Promise<LinkOutcome> {
    for (let attempt = 0; attempt < options.hosts.length; attempt += 1) {
      const host = options.hosts[(first + attempt) % options.hosts.length];
      if (host === undefined) break;
      const outcome = await Link.#openOne(host, options, login, listener);
      if (outcome.kind !== 'unreachable') return outcome;
    }
    return { kind: 'unreachable' };
  }

  static #openOne(
    { host, port }: LinkOptions['hosts'][number],
    options: LinkOptions,
    login: Login,
    listener: LinkListener,
  ): Promise<LinkOutcome> {
    const socket = { port, writableHighWaterMark: WRITE_BUFFER_BYTES };
    return new Promise((resolve) => {
      const connection = new AmqpConnection({
        vhost: login.vhost,
        username: login.username,
        password: login.password,
        hostname: host,
        port,
        heartbeat: options.heartbeatSeconds,
        connectionTimeout: options.connectTimeoutMs,
        acquireTimeout: options.connectTimeoutMs,
        connectionName: options.connectionName,
        frameMax: FRAME_MAX,
        retryLow: NEVER_RETRY_MS,
        retryHigh: NEVER_RETRY_MS,
        noDelay: true,
        socket,
        ...(options.tls && { tls: options.tls }),
      });
      const link = new Link(connection);
      let opened = false;
      connection.on('connection.blocked', (reason) => listener.onBlocked(reason));
      connection.on('connection.unblocked', () => listener.onUnblocked());
      connection.once('connection', () => {
        opened = true;
        const { frameMax, channelMax } = adoptNegotiated(connection);
        link.#socket = socketOf(connection);
        link.#frameMax = frameMax;
        link.#channelMax = channelMax;
        resolve({ kind: 'open', link });
      });
      connection.on('error', (error: unknown) => {
        connection.unsafeDestroy();
        if (!opened)
          resolve(
            loginRefusalOf(error, login.vhost, login.token?.texts ?? [login.username]) ?? {
              kind: 'unreachable',
            },
          );
        else if (!link.#closed) {
          link.#closed = true;
          listener.onLost(lossOf(error), error);
        }
      });
    });
  }

  /** The largest frame that the broker takes, in bytes. A message's properties must fit one. */
  get frameMax(): number {
    return this.#frameMax;
  }

  /** Channels that the broker lets this connection have. */
  get channelMax(): number {
    return this.#channelMax;
  }

  /** Nothing that was published waits in this process for the network. */
  get flushed(): boolean {
    return this.#socket?.writableLength === 0;
  }

  /**
   * What is written in this turn of the event loop goes to the network at its end, in one system call: that costs more
   * than all else that is done with a message. Nobody waits longer for it, for the loop would not look at the network
   * before.
   */
  gatherWrites(): void {
    if (this.#gathering || !this.#socket) return;
    this.#gathering = true;
    this.#socket.cork();
    setImmediate(() => {
      this.#gathering = false;
      this.#socket?.uncork();
    });
  }

  /**
   * A channel in confirm mode. Rejects when the connection ends first, or when it may open no more.
   *
   * @param onReturn called when a returned message begins to arrive: before its confirm, and before the library tells of it
   */
  async openChannel(onReturn: () => void): Promise<AmqpChannel> {
    const channel = await this.#connection.acquire({
      emitErrorsFromChannel: true,
    });
    channel.on('error', () => {});
    watchReturns(channel, onReturn);
    replaceUnconfirmed(channel);
    writeAtOnce(channel);
    await channel.confirmSelect();
    return channel;
  }

  /** Says goodbye to the broker. All channels must have been closed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#connection.close();
  }

  /** Cuts the socket. Channels close; the listener is not told. */
  destroy(): void {
    this.#closed = true;
    this.#connection.unsafeDestroy();
  }

  /** Resolves when the socket has closed, after `close` or `destroy`. */
  async ended(): Promise<void> {
    if (this.#socket && !this.#socket.closed) await once(this.#socket, 'close');
  }
}

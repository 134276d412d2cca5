import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { type Channel as AmqpChannel, Connection as AmqpConnection } from 'rabbitmq-client';
import type { BrokerHost, BrokerHosts } from './broker-hosts.ts';
import { causeOf, handshakeCauseOf } from './causes.ts';
import { FrameGuard } from './frame-guard.ts';
import { negotiatedOf, socketOf } from './library.ts';
import { LoginTooLong } from './login-frames.ts';
import { judgeLogin } from './login-gate.ts';
import { type ConfirmEvents, MessageEvents } from './message-events.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import { type LoginRefusal, type Loss, loginRefusalOf, lossOf, silentRefusalOf } from './outcomes.ts';
import { tlsOptionsFor } from './tls-options.ts';
import type { TokenHints } from './token-login.ts';

/** Where RabbitMQ is and how to speak with it. */
export interface LinkOptions {
  readonly hosts: BrokerHosts;
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
  onLost(loss: Loss): void;
}

export type LinkOutcome =
  | { readonly kind: 'open'; readonly link: Link }
  | LoginRefusal
  | { readonly kind: 'unreachable' };

/** RabbitMQ's default; a broker with a smaller one is told apart after the handshake. */
const FRAME_MAX = 131_072;

/** What the network has no room for waits encoded up to this size, and as messages past it. */
const WRITE_BUFFER_BYTES = 1024 * 1024;

/** Longer than any connection waits for its first error, on which it is discarded. */
const NEVER_RETRY_MS = 2 ** 31 - 1;

/** A broker that ends a connection has so long to close its socket. */
const GOODBYE_MS = 1_000;

/**
 * One AMQP connection to one host. It never comes back by itself: the client library's own reconnect would hide a
 * refused login, so a connection is discarded on its first error and the next one is built deliberately.
 */
export class Link {
  readonly host: BrokerHost;
  readonly #connection: AmqpConnection;
  readonly #messages: MessageEvents;
  #frameMax = FRAME_MAX;
  #channelMax = 1;
  #closed = false;
  #socket: Socket | undefined;
  #outbox: Outbox | undefined;
  #gathering = false;

  private constructor(connection: AmqpConnection, host: BrokerHost) {
    this.#connection = connection;
    this.#messages = new MessageEvents(connection);
    this.host = host;
  }

  /** Tries the hosts in turn, beginning at `first`, until one answers. */
  static async open(options: LinkOptions, login: Login, listener: LinkListener, first = 0): Promise<LinkOutcome> {
    const { all } = options.hosts;
    for (let attempt = 0; attempt < all.length; attempt += 1) {
      const host = all[(first + attempt) % all.length];
      if (host === undefined) break;
      const outcome = await Link.#openOne(host, options, login, listener);
      if (outcome.kind !== 'unreachable') return outcome;
    }
    return { kind: 'unreachable' };
  }

  static #openOne(
    broker: BrokerHost,
    options: LinkOptions,
    login: Login,
    listener: LinkListener,
  ): Promise<LinkOutcome> {
    const { host, port } = broker;
    const { hosts, tls } = options;
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
        ...(tls && { tls: tlsOptionsFor(host, tls) }),
      });
      const guard = new FrameGuard(connection);
      const link = new Link(connection, broker);
      judgeLogin(connection, (bytes) => hosts.loginFrames.judge(bytes, login, broker, tls));
      let carried = false;
      let opened = false;
      socketOf(connection).once(tls ? 'secureConnect' : 'connect', () => {
        carried = true;
      });
      connection.on('connection.blocked', (reason) => listener.onBlocked(reason));
      connection.on('connection.unblocked', () => listener.onUnblocked());
      connection.once('connection', () => {
        const { frameMax, channelMax } = negotiatedOf(connection);
        opened = true;
        hosts.reached(broker, 'handshake');
        link.#socket = socketOf(connection);
        link.#socket.once('error', () => link.#onGoodbye());
        link.#outbox = new Outbox(link.#socket, frameMax);
        link.#frameMax = frameMax;
        link.#channelMax = channelMax;
        resolve({ kind: 'open', link });
      });
      connection.on('error', (error: unknown) => {
        connection.unsafeDestroy();
        if (!opened) {
          const refusal = refusalIn(error, login, guard);
          if (refusal) hosts.reached(broker, 'handshake');
          else if (carried) hosts.failed(broker, 'handshake', handshakeCauseOf(error));
          else hosts.failed(broker, 'network', causeOf(error));
          if (refusal?.kind === 'broker-limit') hosts.limited(broker, refusal.detail);
          resolve(refusal ?? { kind: 'unreachable' });
        } else if (!link.#closed) {
          link.#closed = true;
          listener.onLost(lossOf(error));
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
    return this.#outbox?.flushed ?? true;
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

  /** Sends a message now, or as soon as the network has room for it. */
  send(outgoing: Outgoing): void {
    this.#outbox?.send(outgoing);
  }

  listen(channel: AmqpChannel, events: ConfirmEvents): void {
    this.#messages.listen(channel, events);
  }

  /** A channel in confirm mode. Rejects when the connection ends first, or when it may open no more. */
  async openChannel(): Promise<AmqpChannel> {
    const channel = await this.#connection.acquire({
      emitErrorsFromChannel: true,
    });
    channel.on('error', () => {});
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

  /** The library answers a broker's connection.close, and waits for the broker to close the socket. */
  #onGoodbye(): void {
    const socket = this.#socket;
    if (socket && !socket.destroyed) setTimeout(() => socket.destroy(), GOODBYE_MS).unref();
  }

  /** Resolves when the socket has closed, after `close` or `destroy`. */
  async ended(): Promise<void> {
    if (this.#socket && !this.#socket.closed) await once(this.#socket, 'close');
  }
}

/** The refusal of a login, where that is why its connection was not opened. */
function refusalIn(error: unknown, login: Login, guard: FrameGuard): LoginRefusal | undefined {
  if (error instanceof LoginTooLong) return error.refusal;
  const refusal = loginRefusalOf(error, login.vhost, login.token?.texts ?? [login.username]);
  return refusal ?? (guard.closingIsRefusal ? silentRefusalOf(error) : undefined);
}

/**
 * The port between the handler, which speaks HTTP, and whatever publishes for it.
 *
 * The words, as the whole project uses them:
 *
 * - A *message* is a body and its AMQP properties; its *address* is a vhost, an exchange and a routing key.
 * - *Credentials* are a RabbitMQ user's: a name and a password, or a token. Only the broker judges them.
 * - *Admission* comes before a request's body is read: these credentials may use this vhost, and there would be room
 *   for the body. A message is then *held* while it waits for a connection or a place on one, *in flight* once it is
 *   written and not yet confirmed, and *confirmed* by the broker's basic.ack.
 * - A message whose attempt ended without a verdict is *republished*. One that nobody waits for any more and that
 *   was given up on is *abandoned*.
 * - An *outcome* is what became of a message. All of them are expected; an exception is a bug.
 */

/**
 * A RabbitMQ user and password, or a token that stands for both, as the client sent them. A password may be a token,
 * too: the publisher finds out.
 */
export type Credentials =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string };

/** Where a message goes. The exchange `''` is the default exchange, whose routing key is a queue's name. */
export interface Address {
  readonly vhost: string;
  readonly exchange: string;
  readonly routingKey: string;
}

/**
 * A value in an AMQP headers table. Each has one type on the wire, by the letters of RabbitMQ's table of types:
 * an integral `number` (within ±(2^53−1)) is `I` where it fits 32 bits, else `l`; any other finite `number` is `d`; a
 * `bigint` (within 64 bits) is always `l`; a string is `S`, a boolean `t`, null `V`, an array `A`, a table `F`.
 * @see https://www.rabbitmq.com/docs/amqp-0-9-1-errata#section_3
 */
export type HeaderValue = string | number | bigint | boolean | null | TypedValue | readonly HeaderValue[] | HeaderTable;

/** A value whose type no value of JavaScript says by itself. */
export type TypedValue =
  /** `d`, also where it is integral. Finite. */
  | { readonly type: 'double'; readonly value: number }
  /** `D`: `digits` (32 bits, signed) divided by 10 to the power of `scale` (0 to 255). */
  | { readonly type: 'decimal'; readonly digits: number; readonly scale: number }
  /** `T`: seconds since the epoch, 0 to 2^53−1. */
  | { readonly type: 'timestamp'; readonly seconds: number }
  /** `x` */
  | { readonly type: 'binary'; readonly bytes: Uint8Array };

/** A map and not an object, for `__proto__` is a name like any other. */
export type HeaderTable = ReadonlyMap<string, HeaderValue>;

/**
 * AMQP 0-9-1 basic properties. Strings are at most 255 bytes of UTF-8; an absent property is not sent.
 * @see https://www.rabbitmq.com/docs/publishers#message-properties
 */
export interface Properties {
  appId?: string;
  /** Reserved by AMQP 0-9-1; RabbitMQ's management API takes it. */
  clusterId?: string;
  contentEncoding?: string;
  contentType?: string;
  correlationId?: string;
  /** 1 transient, 2 persistent. */
  deliveryMode: 1 | 2;
  /** Milliseconds, in decimal. */
  expiration?: string;
  /** As bytes they are in AMQP's encoding, with their length before them. */
  headers?: HeaderTable | Uint8Array;
  messageId?: string;
  /** 0 to 255. */
  priority?: number;
  replyTo?: string;
  /** Seconds since the epoch. */
  timestamp?: number;
  type?: string;
  userId?: string;
}

/**
 * What to do when no queue takes a message: `report` it as confirmed and not routed, `refuse` it, or `ignore` it
 * (nobody is told).
 */
export type Unroutable = 'report' | 'refuse' | 'ignore';

export interface Message {
  readonly body: Uint8Array;
  readonly properties: Properties;
  readonly unroutable: Unroutable;
}

/** A message and where it goes. */
export interface Addressed {
  readonly address: Address;
  readonly message: Message;
}

/** `no`: it is certain that the broker does not have the message. `unknown`: it may have it. */
export type Published = 'no' | 'unknown';

/** Why a login was refused or could not be tried. */
export type LoginFailureKind =
  | 'login-refused'
  | 'vhost-refused'
  | 'vhost-not-found'
  | 'broker-unavailable'
  | 'broker-blocked'
  | 'broker-limit'
  | 'overloaded'
  | 'too-many-failed-logins'
  | 'shutting-down';

/** Why a message was not confirmed. */
export type PublishFailureKind =
  | LoginFailureKind
  | 'publish-refused'
  | 'exchange-not-found'
  | 'unroutable'
  | 'message-too-large'
  | 'message-invalid'
  | 'message-rejected'
  | 'broker-error'
  | 'confirm-timeout'
  | 'client-gone';

export interface PublishFailure<Kind extends PublishFailureKind = PublishFailureKind> {
  readonly kind: Kind;
  /** The broker's own words about this message, or ours; never a socket's. */
  readonly detail?: string;
  /** Judged over all attempts. */
  readonly published: Published;
  /** When a retry makes sense, where that is known. */
  readonly retryAfterSeconds?: number;
}

export type PublishOutcome = { readonly kind: 'confirmed'; readonly routed: boolean } | PublishFailure;

/** Where a request comes from. `unknown`: through a proxy that is not believed. */
export interface Client {
  readonly address: string | undefined;
  /** Who holds the other end of the connection, a proxy perhaps. */
  readonly peer?: string | undefined;
  readonly scope: 'loopback' | 'private' | 'public' | 'unknown';
  /** A trusted proxy, other than the peer, on whose word the address rests. */
  readonly via?: string;
  /** What a proxy that is not believed says of the client. It tells clients apart, and proves nothing. */
  readonly forwarding?: string;
}

export interface AdmissionRequest {
  readonly credentials: Credentials;
  readonly vhost: string;
  readonly client: Client;
  /** Bytes that the request announces; 0 where it does not say. */
  readonly size: number;
  /** Nobody waits for the message: it may take longer than a client would wait. */
  readonly patient: boolean;
}

export interface PublishOptions {
  /** How long to wait for the confirm, in milliseconds from now. */
  readonly timeoutMs: number;
  /** Gives up on what has not been written yet. */
  readonly signal?: AbortSignal;
  /** Nobody waits: once accepted, it is held while the broker takes no messages. */
  readonly patient?: boolean;
}

/** Leave to publish as one user on one vhost. It ends with `publish` or `release`. */
export interface Admission {
  readonly kind: 'admitted';
  /**
   * Asks for room in memory, for so many bytes more, before they are kept. A negative number gives room back; the rest is
   * given back when the message is out of memory.
   */
  reserve(bytes: number): boolean;
  publish(address: Address, message: Message, options: PublishOptions): Promise<PublishOutcome>;
  /** Publishes several, their confirms overlapping, within one time; gives their outcomes in the same order. */
  publishMany(messages: readonly Addressed[], options: PublishOptions): Promise<readonly PublishOutcome[]>;
  release(): void;
  /** Takes note that the message of `requestId`, which its client no longer waits for, was given up on. */
  abandon(requestId: string, address: Address, failure: PublishFailure): void;
}

export type AdmissionOutcome = Admission | PublishFailure<LoginFailureKind>;

export interface Publisher {
  /** Settles at once for credentials whose connection is open. */
  admit(request: AdmissionRequest): AdmissionOutcome | Promise<AdmissionOutcome>;
}

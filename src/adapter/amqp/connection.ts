import { setTimeout as delay } from 'node:timers/promises';
import type { LogFields } from '../../handler/log.ts';
import type {
  Address,
  Addressed,
  Admission,
  LoginFailureKind,
  PublishFailure,
  PublishOptions,
  PublishOutcome,
} from '../../handler/publisher.ts';
import { type AdmissionHost, admit } from './admission.ts';
import { Backoff } from './backoff.ts';
import type { ByteShare } from './byte-budget.ts';
import { Counters } from './counters.ts';
import { Delivery, type DeliveryListener, TOKEN_EXPIRED } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import type { HeldMessages } from './held.ts';
import { LatencyWindow } from './latency.ts';
import type { Login } from './link.ts';
import type { LoginRefusal, Loss, Refusal } from './outcomes.ts';
import { publishOverlapping } from './overlapping.ts';
import { Quarantine } from './quarantine.ts';
import { Session, type SessionListener, type SessionOptions, type SessionOutcome } from './session.ts';

export interface ConnectionOptions {
  readonly session: Omit<SessionOptions, 'maxChannels'>;
  /** How long accepted credentials are believed, in milliseconds; the renewal comes at 70 to 90 % of it. */
  readonly credentialsTtlMs: number;
  /**
   * How long a message may be expected to wait for a place in flight, in milliseconds. Who would wait longer is refused
   * at once: it would be published when its client has given up.
   */
  readonly maxWaitMs: number;
}

/** What a connection asks of the map that it belongs to. */
export interface ConnectionHost {
  /** All that wait, on this connection and on others. */
  readonly held: HeldMessages;
  /** The broker has accepted the login, for the first time or again. */
  onAccepted(login: Login): void;
  /** The broker no longer accepts the credentials. */
  onRefused(connection: Connection, refusal: LoginRefusal): void;
  onAbandoned(connection: Connection, requestId: string, address: Address, failure: PublishFailure): void;
  /** An admission has come to nothing, or all of its messages to an outcome. */
  onDone(): void;
  log(level: 'info' | 'warning', sentence: string, connection: Connection, fields?: LogFields): void;
}

export type LoginOutcome = { readonly kind: 'open' } | LoginRefusal | { readonly kind: 'unreachable' };

const MAX_BACKOFF_MS = 2_000;

/** After a protocol error a connection is not rebuilt faster than this. */
const PROTOCOL_BACKOFF_MS = 250;

const RENEWAL_RETRY_MS = 5_000;

const TOO_MANY = 'too many messages wait for a connection, or for a place on one';

/** A channel without use for this long is closed. */
const IDLE_LANE_MS = 60_000;

const BROKER_LIMIT: LoginRefusal = { kind: 'broker-limit', detail: 'the broker accepts no more connections' };

const expiryOf = ({ token }: Login): number => token?.expiresAt ?? Number.POSITIVE_INFINITY;

/** Channels that the protocol allows on one connection. */
const MAX_CHANNELS = 65_535;

/**
 * The gateway's standing with RabbitMQ as one user, with one password, on one vhost, or with all tokens of one identity.
 * It outlives the AMQP connections (sessions) that serve it: it holds messages while there is none, publishes again what
 * died with one, and changes it for a fresh one before the broker's answer about the credentials is too old, or with a
 * token that lasts longer.
 */
export class Connection {
  readonly counters = new Counters();
  readonly latency = new LatencyWindow();
  /** When it last had work, in milliseconds of the monotonic clock. */
  usedAt = performance.now();

  readonly #options: ConnectionOptions;
  readonly #share: ByteShare;
  readonly #host: ConnectionHost;
  readonly #held = new DeliveryQueue();
  /** Were on a connection that something written on it broke. */
  readonly #quarantine = new Quarantine({
    open: async () => {
      if (this.retired) return undefined;
      const outcome = await this.#open(this.#login);
      return outcome.kind === 'open' ? outcome.session : undefined;
    },
    retire: (session) => this.#retire(session),
    // Then the connection that is to come is theirs, too.
    release: (delivery) => delivery.enqueue(this.#held),
    onEnd: () => {
      if (this.#session && !this.#blocked) this.#releaseHeld(this.#session);
      else void this.#reconnect();
    },
  });
  readonly #retiring = new Set<Session>();
  readonly #closing = new AbortController();
  /** What the next session logs in with: of several accepted tokens the one that lasts longest. */
  #login: Login;
  #session: Session | undefined;
  #connecting = false;
  #renewal: NodeJS.Timeout | undefined;
  #blocked: { readonly reason: string; readonly since: number } | undefined;
  #lastFailure: 'broker-unavailable' | 'broker-limit' = 'broker-unavailable';
  /** Between attempts to connect; reset when a message has been confirmed. */
  readonly #backoff = new Backoff(MAX_BACKOFF_MS);
  /** What comes after the end is told: that the broker refused the login, or that all ends. */
  #ending: { readonly kind: LoginFailureKind; readonly detail?: string } = { kind: 'shutting-down' };
  #maxChannels = MAX_CHANNELS;
  #firstHost = 0;
  #admissions = 0;
  readonly #admissionHost: AdmissionHost = {
    publish: (message, options, expiresAt, listener) => this.#publish(message, options, expiresAt, listener),
    publishMany: (messages, options, expiresAt, giveBack) => this.#publishMany(messages, options, expiresAt, giveBack),
    abandon: (requestId, address, failure) => {
      this.counters.abandoned += 1;
      this.#host.onAbandoned(this, requestId, address, failure);
    },
    onEnded: () => {
      this.#admissions -= 1;
    },
    onDone: () => this.#host.onDone(),
  };

  constructor(login: Login, options: ConnectionOptions, share: ByteShare, host: ConnectionHost) {
    this.#login = login;
    this.#options = options;
    this.#share = share;
    this.#host = host;
  }

  get login(): Login {
    return this.#login;
  }

  /** It takes leave of the broker, or has. */
  get retired(): boolean {
    return this.#closing.signal.aborted;
  }

  /** No token that it could log in with is good any more. */
  get expired(): boolean {
    return Date.now() >= expiryOf(this.#login);
  }

  /** Its token does not end before. @param expiresAt in milliseconds since the epoch */
  lasts(expiresAt: number): boolean {
    return expiryOf(this.#login) >= expiresAt;
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  /** Why the broker takes no messages at the moment, and since when (milliseconds of the monotonic clock). */
  get blocked(): { readonly reason: string; readonly since: number } | undefined {
    return this.#blocked;
  }

  /** Messages that wait for a connection, or for a place on it. */
  get held(): number {
    return this.#sessions().reduce((held, { waiting }) => held + waiting, this.#held.size + this.#quarantine.size);
  }

  get inFlight(): number {
    return this.#sessions().reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  /** Nobody has leave to publish, and nothing is on its way. */
  get idle(): boolean {
    if (this.#admissions > 0 || this.#held.size > 0 || this.#quarantine.size > 0) return false;
    return (this.#session?.idle ?? true) && this.#retiring.size === 0;
  }

  /**
   * One attempt to log in. With another token than before, of the same identity, it judges that one; if it lasts
   * longer, its session is the one that serves from now on.
   */
  async connect(login: Login = this.#login): Promise<LoginOutcome> {
    const isNew = login !== this.#login;
    const outcome = await this.#logIn(login);
    // RabbitMQ speaks of limits only after it has verified the token. An older one has the place that this one lacks.
    return isNew && outcome.kind === 'broker-limit' ? this.#replace(login) : outcome;
  }

  /** Takes note of a token that was accepted elsewhere: one that lasts longer has a session soon. */
  offer(login: Login): void {
    if (expiryOf(login) <= expiryOf(this.#login)) return;
    this.#login = login;
    this.#renewIn(0);
  }

  async #open(login: Login): Promise<SessionOutcome> {
    const outcome = await Session.open(
      { ...this.#options.session, maxChannels: this.#maxChannels },
      login,
      this.#listener(),
      this.#firstHost,
    );
    if (outcome.kind === 'open') this.counters.connectionsOpened += 1;
    return outcome;
  }

  async #logIn(login: Login): Promise<LoginOutcome> {
    const outcome = await this.#open(login);
    if (outcome.kind !== 'open') return outcome;
    this.#host.onAccepted(login);
    const outlasted = expiryOf(login) < expiryOf(this.#login);
    if (!outlasted) this.#login = login;
    if (this.retired) outcome.session.destroy();
    else if (this.#session && outlasted) void this.#retire(outcome.session);
    else if (this.#session && this.#blocked) {
      // A new one would not know that the broker is blocked until it has published.
      void this.#retire(outcome.session);
      this.#renewIn(RENEWAL_RETRY_MS);
    } else {
      this.#adopt(outcome.session);
      if (outlasted) this.#renewIn(0);
    }
    return { kind: 'open' };
  }

  /** Break before make, where the broker lets this user have no second connection. */
  async #replace(login: Login): Promise<LoginOutcome> {
    const session = this.#session;
    if (!session || this.#connecting) return BROKER_LIMIT;
    // A new session would not know that the broker is blocked until it has published.
    if (this.#blocked || expiryOf(login) < expiryOf(this.#login)) {
      this.#host.onAccepted(login);
      this.offer(login);
      return { kind: 'open' };
    }
    this.#connecting = true;
    this.#session = undefined;
    // All others wait meanwhile. They must not do so for as long as a confirm that never comes is waited for.
    const cut = setTimeout(() => session.destroy('a confirm held up its renewal'), this.#options.maxWaitMs);
    await this.#retire(session);
    clearTimeout(cut);
    const outcome = await this.#logIn(login);
    this.#connecting = false;
    void this.#reconnect();
    return outcome;
  }

  /**
   * Leave to publish, where there is room for so many bytes.
   *
   * @param expiresAt when the token ends, in milliseconds since the epoch; infinite for a password
   */
  admit(size: number, patient: boolean, expiresAt: number): Admission | PublishFailure<LoginFailureKind> {
    this.usedAt = performance.now();
    if (this.#closing.signal.aborted) return { ...this.#ending, published: 'no' };
    if (this.#blocked)
      return {
        kind: 'broker-blocked',
        detail: this.#blocked.reason,
        published: 'no',
      };
    const congestion = this.#congestion(patient);
    if (congestion !== undefined) return { kind: 'overloaded', detail: congestion, published: 'no' };
    const admission = admit(this.#share, size, expiresAt, this.#admissionHost);
    if (!admission) return { kind: 'overloaded', detail: 'too many bytes of messages are in memory', published: 'no' };
    this.#admissions += 1;
    return admission;
  }

  /** Why there would be no point in waiting, if there is none. */
  #congestion(patient: boolean): string | undefined {
    const expectedWaitMs = this.#session?.expectedWaitMs;
    if (!patient && expectedWaitMs !== undefined && expectedWaitMs > this.#options.maxWaitMs)
      return 'the broker confirms more slowly than messages come';
    if (this.#host.held.full && (expectedWaitMs !== undefined || !this.#session)) return TOO_MANY;
    return undefined;
  }

  /** Takes leave of the broker; what is in flight may finish first. */
  async retire(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#renewal);
    const session = this.#session;
    this.#session = undefined;
    if (session) await this.#retire(session);
  }

  /** Retires, for its last token has expired. */
  expire(): Promise<void> {
    this.#ending = { kind: 'login-refused', detail: TOKEN_EXPIRED };
    for (const delivery of this.#held) delivery.failExpired();
    return this.retire();
  }

  /** Gives up on everything at once. */
  destroy(failUnwritten: (delivery: Delivery) => void): void {
    this.#closing.abort();
    clearTimeout(this.#renewal);
    for (const queue of [this.#held, this.#quarantine]) for (const delivery of queue) failUnwritten(delivery);
    for (const session of this.#sessions()) {
      session.failUnwritten(failUnwritten);
      session.destroy();
    }
  }

  /** The one that retires first. */
  #sessions(): Session[] {
    return this.#session ? [...this.#retiring, this.#session] : [...this.#retiring];
  }

  closeIdleLanes(now: number): void {
    this.#session?.closeIdleLanes(now - IDLE_LANE_MS);
  }

  #publish(
    message: Addressed,
    { timeoutMs, patient = false, signal }: PublishOptions,
    expiresAt: number,
    to: DeliveryListener,
  ): void {
    const delivery = new Delivery(message, patient, expiresAt, this.#host.held, to);
    delivery.startDeadline(timeoutMs, () => this.#onDeadline(delivery));
    signal?.addEventListener('abort', () => {
      if (!delivery.inFlight) delivery.fail('client-gone');
    });
    if (signal?.aborted) delivery.fail('client-gone');
    else this.#deliver(delivery, false);
  }

  #publishMany(
    messages: readonly Addressed[],
    options: PublishOptions,
    expiresAt: number,
    giveBack: () => void,
  ): Promise<readonly PublishOutcome[]> {
    const { held } = this.#host;
    return publishOverlapping(messages, options, {
      held,
      expiresAt,
      maxOpen: Math.max(1, Math.min(this.#options.session.maxInFlight, held.max) / 2),
      deliver: (delivery, begun) => this.#deliver(delivery, delivery.patient && begun),
      expire: (delivery) => this.#onDeadline(delivery),
      giveBack,
    });
  }

  /** @param accepted its client has been told that it will be delivered */
  #deliver(delivery: Delivery, accepted: boolean): void {
    if (delivery.expired) delivery.failExpired();
    else if (this.#closing.signal.aborted) delivery.fail(this.#ending.kind, this.#ending.detail);
    else if (this.#blocked) {
      if (accepted) delivery.enqueue(this.#held);
      else delivery.fail('broker-blocked', this.#blocked.reason);
    } else if (!accepted && this.#host.held.full && !this.#session?.hasPlace(delivery.address.exchange))
      delivery.fail('overloaded', TOO_MANY);
    else if (this.#session) this.#session.publish(delivery);
    else this.#hold(delivery);
  }

  #hold(delivery: Delivery): void {
    delivery.enqueue(this.#held);
    void this.#reconnect();
  }

  /** Tries until it is connected or nobody waits any more. */
  async #reconnect(): Promise<void> {
    if (this.#connecting) return;
    this.#connecting = true;
    while (this.#held.size > 0 && !this.#session && !this.#closing.signal.aborted) {
      const pause = this.#backoff.next();
      if (pause > 0) await delay(pause, undefined, { signal: this.#closing.signal }).catch(() => {});
      const outcome = await this.connect();
      switch (outcome.kind) {
        case 'open':
          break;
        case 'unreachable':
          this.#lastFailure = 'broker-unavailable';
          break;
        case 'broker-limit':
          this.#lastFailure = 'broker-limit';
          break;
        default:
          this.#refuse(outcome);
      }
      this.#firstHost += 1;
    }
    this.#connecting = false;
  }

  #adopt(session: Session): void {
    const previous = this.#session;
    this.#session = session;
    this.#blocked = undefined;
    this.#host.log('info', previous ? 'connection renewed' : 'connected', this);
    this.#renewIn(this.#options.credentialsTtlMs * (0.7 + Math.random() / 5));
    if (previous) void this.#retire(previous);
    this.#releaseHeld(session);
  }

  #releaseHeld(session: Session): void {
    for (const delivery of this.#held) {
      delivery.dequeue();
      session.publish(delivery);
    }
  }

  async #retire(session: Session): Promise<void> {
    this.#retiring.add(session);
    await session.retire();
    if (this.#retiring.delete(session)) this.counters.connectionsClosed += 1;
  }

  #renewIn(milliseconds: number): void {
    clearTimeout(this.#renewal);
    if (this.#closing.signal.aborted) return;
    this.#renewal = setTimeout(() => void this.#renew(), milliseconds);
    this.#renewal.unref();
  }

  /** Make before break: the new session is open before the old one is given nothing more. */
  async #renew(): Promise<void> {
    // A new connection would not know that the broker is blocked until it has published.
    if (!this.#session || this.#connecting || this.#blocked) return this.#renewIn(RENEWAL_RETRY_MS);
    this.#connecting = true;
    const attempt = await this.connect();
    this.#connecting = false;
    // Else it would be put off for ever at a user's limit, and a revoked permission would live on.
    const outcome = attempt.kind === 'broker-limit' && !this.#blocked ? await this.#replace(this.#login) : attempt;
    if (outcome.kind === 'open') return;
    if (outcome.kind === 'unreachable' || outcome.kind === 'broker-limit') this.#renewIn(RENEWAL_RETRY_MS);
    else this.#refuse(outcome);
    if (this.#held.size > 0) void this.#reconnect();
  }

  /** The credentials are no longer good. What is in flight may still be confirmed; the rest is refused with them. */
  #refuse(refusal: LoginRefusal): void {
    this.#ending = refusal;
    const fail = (delivery: Delivery): void => delivery.fail(refusal.kind, refusal.detail);
    for (const queue of [this.#held, this.#quarantine]) for (const delivery of queue) fail(delivery);
    this.#session?.failUnwritten(fail);
    this.#host.log('warning', 'the broker no longer accepts the login', this, { detail: refusal.detail });
    this.#host.onRefused(this, refusal);
    void this.retire();
  }

  #onDeadline(delivery: Delivery): void {
    if (delivery.inFlight || delivery.ambiguous) delivery.fail('confirm-timeout', 'no confirm within the deadline');
    else if (this.#lastFailure === 'broker-limit')
      delivery.fail('broker-limit', 'the broker accepts no more connections');
    else delivery.fail('broker-unavailable', 'no answer from the broker within the deadline');
  }

  #onLost(session: Session, survivors: readonly Delivery[], { kind, cause }: Loss): void {
    this.counters.connectionsClosed += 1;
    this.#host.log('warning', 'connection lost', this, { ...session.host, cause });
    this.#retiring.delete(session);
    if (kind === 'channel-limit') {
      this.#maxChannels = Math.max(1, session.channels - 1);
      this.#lastFailure = 'broker-limit';
    }
    const broken = kind === 'protocol' || kind === 'broker-error';
    if (broken && session === this.#session) this.#backoff.raise(PROTOCOL_BACKOFF_MS);
    if (session === this.#session) {
      this.#session = undefined;
      this.#blocked = undefined;
      clearTimeout(this.#renewal);
    }
    for (const delivery of survivors) {
      if (delivery.expired) delivery.failExpired();
      else if (this.#closing.signal.aborted) delivery.fail(delivery.ambiguous ? 'confirm-timeout' : 'shutting-down');
      else if (delivery.quarantined) this.#quarantine.add(delivery);
      else if (this.#session) this.#session.publish(delivery);
      else delivery.enqueue(this.#held);
    }
    void this.#reconnect();
  }

  #onRefused(delivery: Delivery, refusal: Refusal): void {
    this.counters.refused += 1;
    if (refusal.tokenExpired || (delivery.expired && refusal.kind === 'publish-refused')) delivery.failExpired();
    else delivery.fail(refusal.kind, refusal.detail);
  }

  #onConfirmed(delivery: Delivery, routed: boolean): void {
    this.usedAt = performance.now();
    this.#backoff.reset();
    this.#lastFailure = 'broker-unavailable';
    if (!routed) this.counters.unroutable += 1;
    if (!routed && delivery.unroutable === 'refuse') {
      delivery.fail('unroutable', 'no queue takes a message with this exchange and routing key');
      return;
    }
    this.counters.publishes += 1;
    if (!delivery.settled) this.latency.add(this.usedAt - delivery.startedAt);
    delivery.settle({ kind: 'confirmed', routed });
  }

  #listener(): SessionListener {
    return {
      onConfirmed: (delivery, routed) => this.#onConfirmed(delivery, routed),
      onRefused: (delivery, refusal) => this.#onRefused(delivery, refusal),
      onNacked: (delivery) => {
        this.counters.nacked += 1;
        delivery.settle({
          kind: 'message-rejected',
          detail: 'a queue rejected the message',
          published: 'unknown',
        });
      },
      onRepublished: () => {
        this.counters.republished += 1;
      },
      onChannelOpened: () => {
        this.counters.channelsOpened += 1;
      },
      onChannelClosed: () => {
        this.counters.channelsClosed += 1;
      },
      onBlocked: (session, reason) => {
        if (session !== this.#session) return;
        this.#blocked = { reason, since: performance.now() };
        this.#host.log('warning', 'the broker blocks publishers', this, { detail: reason });
        session.failUnwritten((delivery) => {
          if (delivery.patient) delivery.enqueue(this.#held);
          else delivery.fail('broker-blocked', reason);
        });
      },
      onUnblocked: (session) => {
        if (session !== this.#session) return;
        this.#blocked = undefined;
        this.#host.log('info', 'the broker takes messages again', this);
        this.#releaseHeld(session);
      },
      onLost: (session, survivors, kind) => this.#onLost(session, survivors, kind),
    };
  }
}

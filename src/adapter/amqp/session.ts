import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { BrokerHost } from './broker-hosts.ts';
import { Channel } from './channel.ts';
import type { Carrier, Delivery } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { Experience } from './experience.ts';
import type { Lane } from './lane.ts';
import { Lanes } from './lanes.ts';
import { LibraryChanged } from './library.ts';
import { Link, type LinkOptions, type LinkOutcome, type Login } from './link.ts';
import { brokerError, type Loss, type Refusal, refusalOf } from './outcomes.ts';
import { type SoloHost, SoloPool } from './solo.ts';

export interface SessionOptions {
  readonly link: LinkOptions;
  /** Unconfirmed messages; more wait. */
  readonly maxInFlight: number;
  /** Channels that the broker lets this user open. */
  readonly maxChannels: number;
}

export interface SessionListener {
  onConfirmed(delivery: Delivery, routed: boolean): void;
  onNacked(delivery: Delivery): void;
  onRefused(delivery: Delivery, refusal: Refusal): void;
  onRepublished(delivery: Delivery): void;
  onChannelOpened(): void;
  onChannelClosed(): void;
  onBlocked(session: Session, reason: string): void;
  onUnblocked(session: Session): void;
  /** The connection has ended; `survivors` have no outcome yet, in the order in which they should be tried again. */
  onLost(session: Session, survivors: readonly Delivery[], loss: Loss): void;
}

export type SessionOutcome =
  | { readonly kind: 'open'; readonly session: Session }
  | Exclude<LinkOutcome, { readonly kind: 'open' }>;

const SOLO_CHANNELS = 4;

/** Lanes with a channel on one connection; for a further exchange the one that was idle for longest is closed. */
const MAX_LANES = 200;

/** A message whose channel dies again and again without a reason is given up on. */
const MAX_ATTEMPTS = 5;

/** One whose connection is lost is most often innocent: a bad link may cut many in a row. Its deadline bounds it, too. */
const MAX_ATTEMPTS_OVER_BAD_LINKS = 20;

/** An average of so many confirms, the later ones weighing more, is what confirms take "of late". */
const CONFIRMS_ON_AVERAGE = 50;

const CLOSE_TIMEOUT_MS = 1_000;

/**
 * After a nack, a channel as old as this is replaced. A channel that meets a quorum queue for the first time while that
 * has no leader nacks for as long as the dead leader's node is away, though another has long been elected (RabbitMQ 3.10).
 */
const NACKING_CHANNEL_MS = 250;

/** How often a session that retires looks whether it is done. */
const RETIRE_POLL_MS = 50;

/**
 * One AMQP connection at work: a lane for each exchange, a pool of channels for suspects, and the rule that a
 * channel's death is a verdict only if exactly one message was on it.
 */
export class Session implements SoloHost, Carrier {
  readonly #options: SessionOptions;
  readonly #listener: SessionListener;
  readonly #lanes = new Lanes();
  readonly #experience: Experience;
  readonly #solo: SoloPool;
  /** Over max_in_flight. */
  readonly #waiting = new DeliveryQueue();
  readonly #channels = new Set<Channel>();
  #opening = 0;
  #link: Link | undefined;
  #lost = false;
  #inFlight = 0;
  /** Written messages that got their outcome before their confirm. */
  #overdue = 0;
  /** How long a confirm takes, on average of late. */
  #confirmMs = 0;

  private constructor(options: SessionOptions, login: Login, listener: SessionListener) {
    this.#options = options;
    this.#experience = new Experience(login.token ? undefined : login.username);
    this.#listener = listener;
    this.#solo = new SoloPool(this);
  }

  static async open(
    options: SessionOptions,
    login: Login,
    listener: SessionListener,
    firstHost: number,
  ): Promise<SessionOutcome> {
    const session = new Session(options, login, listener);
    const outcome = await Link.open(
      options.link,
      login,
      {
        onBlocked: (reason) => listener.onBlocked(session, reason),
        onUnblocked: () => listener.onUnblocked(session),
        onLost: (loss) => session.#onLost(loss),
      },
      firstHost,
    );
    if (outcome.kind !== 'open') return outcome;
    session.#link = outcome.link;
    return { kind: 'open', session };
  }

  /** Where it leads. */
  get host(): BrokerHost | undefined {
    return this.#link?.host;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Channels open now, or about to be. */
  get channels(): number {
    return this.#channels.size + this.#opening;
  }

  /** Messages that have not been written. */
  get waiting(): number {
    let waiting = 0;
    for (const _ of this.#unwritten()) waiting += 1;
    return waiting;
  }

  /**
   * How long one more would have to wait for a place in flight; undefined where nobody does. It is as long as those
   * before it need at the pace of late (Little's law), and no less than the first of them has waited already.
   */
  get expectedWaitMs(): number | undefined {
    const { first, size } = this.#waiting;
    if (!first) return undefined;
    return Math.max(first.waitedMs, (this.#confirmMs * size) / this.#options.maxInFlight);
  }

  /** A message to that exchange would be written at once, or is the one for which its channel is opened. */
  hasPlace(exchange: string): boolean {
    const lane = this.#lanes.find(exchange);
    return !this.#isFull() && (lane === undefined || lane.channel?.open === true || lane.waiting.size === 0);
  }

  /** Nobody waits for anything on it. Confirms may still be owed for messages that were given up on. */
  get idle(): boolean {
    if (this.#inFlight > this.#overdue || this.#waiting.size > 0 || !this.#solo.idle) return false;
    return !this.#lanes.awaited;
  }

  get soloChannels(): number {
    return Math.max(1, Math.min(SOLO_CHANNELS, Math.floor(this.#channelMax() / 2)));
  }

  get flushed(): boolean {
    return this.#link?.flushed ?? true;
  }

  publish(delivery: Delivery): void {
    const lane = this.#lanes.of(delivery.address.exchange);
    const hopeless = this.#experience.hopeless(delivery, this.#link?.frameMax ?? 0);
    if (hopeless !== undefined) {
      delivery.fail('message-too-large', hopeless);
    } else if (this.#experience.suspects(delivery, lane)) {
      this.#solo.enqueue(delivery);
    } else if (this.#isFull()) {
      delivery.enqueue(this.#waiting);
    } else if (lane.channel?.open) {
      this.write(lane.channel, delivery);
    } else {
      delivery.enqueue(lane.waiting);
      this.#advance(lane);
    }
  }

  /** Fails what has not been written, for the broker takes nothing at the moment. */
  failUnwritten(fail: (delivery: Delivery) => void): void {
    for (const delivery of this.#unwritten()) fail(delivery);
  }

  /** Closes channels without use since then. */
  closeIdleLanes(usedBefore: number): void {
    this.#lanes.closeIdle(usedBefore);
  }

  /** Finishes what it has, and says goodbye. Give it no more deliveries: their deadlines bound how long it takes. */
  async retire(): Promise<void> {
    while (!this.idle && !this.#lost) await delay(RETIRE_POLL_MS);
    if (this.#lost || !this.#link) return;
    this.#lost = true;
    for (const channel of this.#channels) if (channel.open && channel.idle) channel.close();
    if (this.#inFlight === 0)
      await Promise.race([this.#link.close(), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    this.#link.destroy();
    this.#takeOrphans();
    await this.#link.ended();
    // By then its channels have told that they are closed.
    await nextTurn();
  }

  /** Cuts the connection; what was in flight is reported as lost with it. */
  destroy(cause = 'cut'): void {
    this.#link?.destroy();
    this.#onLost({ kind: 'lost', cause });
  }

  write(channel: Channel, delivery: Delivery): void {
    this.#inFlight += 1;
    this.#link?.gatherWrites();
    if (delivery.attempts > 0) this.#listener.onRepublished(delivery);
    channel.publish(delivery, this);
  }

  /** Its place goes to another message. A broker that owes that many confirms will not pay them. */
  onOverdue(): void {
    this.#overdue += 1;
    if (this.#overdue > 2 * this.#options.maxInFlight) this.destroy('too many confirms are owed');
    else this.#admitWaiting();
  }

  /** A missing or refused exchange would have been answered by now. */
  onSilence({ address }: Delivery): void {
    const lane = this.#lanes.of(address.exchange);
    lane.proven = true;
    this.#advance(lane);
  }

  #isFull(): boolean {
    return this.#inFlight - this.#overdue >= this.#options.maxInFlight;
  }

  #channelMax(): number {
    return Math.min(this.#options.maxChannels, this.#link?.channelMax ?? 0);
  }

  /** Brings a lane on for which somebody waits. */
  #advance(lane: Lane): void {
    if (lane.waiting.size === 0 || this.#lost) return;
    if (!lane.proven) this.#solo.probe(lane);
    else if (!lane.channel?.open) void this.#openLane(lane);
    else this.#flush(lane, lane.channel);
  }

  #flush(lane: Lane, channel: Channel): void {
    while (!this.#isFull()) {
      const delivery = lane.takeWaiting();
      if (!delivery) return;
      this.write(channel, delivery);
    }
    for (const delivery of lane.waiting) delivery.enqueue(this.#waiting);
  }

  async #openLane(lane: Lane): Promise<void> {
    if (lane.opening) return;
    lane.opening = true;
    const room = this.#lanes.makeRoom(Math.min(MAX_LANES, this.#channelMax() - this.soloChannels));
    const channel = room ? await this.openChannel(lane) : undefined;
    lane.opening = false;
    if (this.#lost) return;
    if (channel) {
      lane.channel = channel;
      this.#advance(lane);
      return;
    }
    for (const delivery of lane.waiting) this.#solo.enqueue(delivery);
  }

  /** A channel for the lane, or one for the solo pool. */
  async openChannel(lane?: Lane): Promise<Channel | undefined> {
    if (!this.#link || this.#lost) return undefined;
    this.#opening += 1;
    try {
      const opened = await this.#link.openChannel();
      const channel = new Channel(opened, this.#link, {
        onConfirmed: (delivery, routed) => this.#onConfirmed(channel, lane, delivery, routed),
        onNacked: (delivery) => this.#onNacked(channel, lane, delivery),
        onClosed: (cause) => this.#onChannelClosed(channel, lane, cause),
      });
      this.#channels.add(channel);
      this.#listener.onChannelOpened();
      return channel;
    } catch (error) {
      if (error instanceof LibraryChanged) throw error;
      // The connection has ended, of which its own listener tells, or its channels are used up.
      return undefined;
    } finally {
      this.#opening -= 1;
    }
  }

  #onConfirmed(channel: Channel, lane: Lane | undefined, delivery: Delivery, routed: boolean): void {
    this.#experience.noteConfirmed(delivery);
    this.#confirmMs += (channel.usedAt - delivery.writtenAt - this.#confirmMs) / CONFIRMS_ON_AVERAGE;
    this.#leave(delivery);
    this.#listener.onConfirmed(delivery, routed);
    this.#afterAnswer(channel, lane, delivery);
  }

  #onNacked(channel: Channel, lane: Lane | undefined, delivery: Delivery): void {
    this.#leave(delivery);
    this.#listener.onNacked(delivery);
    const replace = channel.open && channel.ageMs >= NACKING_CHANNEL_MS;
    if (replace && lane?.channel === channel) lane.retireChannel();
    this.#afterAnswer(channel, lane, delivery, !replace);
  }

  /** A queue's nack proves the exchange as well as a confirm does. */
  #afterAnswer(channel: Channel, ownLane: Lane | undefined, delivery: Delivery, reuse = true): void {
    const lane = ownLane ?? this.#lanes.of(delivery.address.exchange);
    lane.noteConfirmed(delivery.address.routingKey);
    if (ownLane) {
      ownLane.closeRetired();
    } else {
      this.#solo.release(channel, reuse);
      this.#advance(lane);
    }
    this.#admitWaiting();
  }

  #onChannelClosed(channel: Channel, lane: Lane | undefined, cause: unknown): void {
    this.#listener.onChannelClosed();
    // Then its orphans are taken care of with those of all other channels.
    if (this.#lost) return;
    this.#channels.delete(channel);
    const orphans = channel.takeOrphans();
    for (const delivery of orphans) this.#leave(delivery);
    lane?.leftBy(channel);
    this.#judge(orphans, refusalOf(cause));
    if (!lane) this.#solo.drop(channel);
    const affected = lane ?? (orphans[0] && this.#lanes.of(orphans[0].address.exchange));
    if (affected) this.#advance(affected);
    this.#admitWaiting();
  }

  /** The rule: a channel's death is a verdict only if exactly one message was on it. */
  #judge(orphans: readonly Delivery[], refusal: Refusal | undefined): void {
    const [first] = orphans;
    if (!first) return;
    const lane = this.#lanes.of(first.address.exchange);
    if (refusal) this.#experience.noteRefusal(refusal, lane);
    if (orphans.length === 1 && refusal) {
      this.#refuse(first, refusal);
      if (refusal.scope === 'exchange') this.#refuseLane(lane, refusal);
      return;
    }
    for (const delivery of orphans) delivery.ambiguous = true;
    const pending = orphans.filter((delivery) => this.#stillWanted(delivery));
    if (refusal?.scope === 'exchange') {
      lane.waitFirst(pending);
      return;
    }
    for (const delivery of pending) {
      delivery.suspect = true;
      this.#solo.enqueue(delivery);
    }
  }

  #refuse(delivery: Delivery, refusal: Refusal): void {
    // What the broker failed over it may have taken first.
    if (refusal.kind === 'broker-error') delivery.ambiguous = true;
    this.#listener.onRefused(delivery, refusal);
  }

  /** What the broker said of the exchange answers all who wait for it. */
  #refuseLane(lane: Lane, refusal: Refusal): void {
    for (const delivery of lane.waiting) this.#listener.onRefused(delivery, refusal);
    this.#lanes.forget(lane);
  }

  #stillWanted(delivery: Delivery, maxAttempts = MAX_ATTEMPTS): boolean {
    if (delivery.expired) delivery.failExpired();
    else if (delivery.attempts >= maxAttempts) delivery.fail('confirm-timeout', 'given up on after several attempts');
    return !delivery.settled;
  }

  #leave(delivery: Delivery): void {
    this.#inFlight -= 1;
    if (delivery.settled) this.#overdue -= 1;
    delivery.leaveChannel();
  }

  #admitWaiting(): void {
    while (this.#waiting.size > 0 && !this.#isFull()) {
      const delivery = this.#waiting.takeFirst();
      if (delivery) this.publish(delivery);
    }
  }

  *#unwritten(): Iterable<Delivery> {
    yield* this.#solo.queued();
    yield* this.#lanes.waiting();
    yield* this.#waiting;
  }

  #takeOrphans(): Delivery[] {
    const orphans = [...this.#channels].flatMap((channel) => channel.takeOrphans());
    for (const delivery of orphans) this.#leave(delivery);
    return orphans;
  }

  #onLost(loss: Loss): void {
    if (this.#lost) return;
    this.#lost = true;
    // By then every confirm that arrived has been noted.
    setImmediate(() => {
      const { kind, cause } = loss;
      const orphans = this.#takeOrphans();
      for (const delivery of orphans) delivery.ambiguous = true;
      const [first] = orphans;
      if (kind === 'broker-error' && first && orphans.length === 1) this.#refuse(first, brokerError(cause));
      if (kind === 'protocol' || kind === 'broker-error') quarantine(orphans);
      const maxAttempts = kind === 'lost' ? MAX_ATTEMPTS_OVER_BAD_LINKS : MAX_ATTEMPTS;
      for (const delivery of orphans) this.#stillWanted(delivery, maxAttempts);
      const survivors = [...orphans, ...this.#unwritten()].filter((delivery) => !delivery.settled);
      this.#solo.end();
      this.#listener.onLost(this, survivors, loss);
    });
  }
}

/**
 * Something that was in flight broke the protocol, and nobody knows what. From now on these are tried alone; the one
 * that was alone already is the one.
 */
function quarantine(orphans: readonly Delivery[]): void {
  for (const delivery of orphans) {
    if (delivery.quarantined) delivery.fail('confirm-timeout', 'the broker ended the connection over it twice');
    delivery.suspect = true;
    delivery.quarantined = true;
  }
}

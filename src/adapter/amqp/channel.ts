import type { Channel as AmqpChannel, ReturnedMessage } from 'rabbitmq-client';
import type { Carrier, Delivery } from './delivery.ts';
import { isNack, refusalOf } from './outcomes.ts';
import { ReturnMatcher } from './returns.ts';
import { TagMap } from './tag-map.ts';

export interface ChannelListener {
  onConfirmed(delivery: Delivery, routed: boolean): void;
  onNacked(delivery: Delivery): void;
  /**
   * The channel is closed, and every confirm that came before has been told; see `takeOrphans`. `cause` is the first
   * error that says more than that the channel is closed.
   */
  onClosed(cause: unknown): void;
}

/**
 * One channel in confirm mode, with accounts of its own.
 *
 * The client library rejects the oldest unconfirmed message with the broker's reason for closing a channel, whoever
 * caused it, and some promises never settle at all. So rejections are not believed here: what has not been confirmed
 * when the channel closes is an orphan, and what to make of that is the listener's business.
 */
export class Channel {
  readonly #channel: AmqpChannel;
  readonly #listener: ChannelListener;
  /** Messages that the broker has begun to return, and of which the library has not told yet. */
  readonly #returns: { coming: number };
  /** By a number of this class's own, in the order of publishing. */
  readonly #unconfirmed = new TagMap<Delivery>();
  #published = 0;
  /** Confirmed, and waiting for the turn of the event loop in which their return would have been seen. */
  readonly #confirmed = new Set<Delivery>();
  readonly #returned = new Set<Delivery>();
  readonly #matcher = new ReturnMatcher();
  #open = true;
  #cause: unknown;
  readonly #openedAt = performance.now();
  /** When it last had work, in milliseconds of the monotonic clock. */
  usedAt = performance.now();

  constructor(channel: AmqpChannel, returns: { coming: number }, listener: ChannelListener) {
    this.#channel = channel;
    this.#returns = returns;
    this.#listener = listener;
    channel.on('basic.return', (returned) => this.#onReturn(returned));
    channel.on('error', (error: unknown) => this.#note(error));
    channel.once('close', () => this.#onClose());
  }

  get idle(): boolean {
    return this.#unconfirmed.size === 0 && this.#confirmed.size === 0;
  }

  get open(): boolean {
    return this.#open;
  }

  get ageMs(): number {
    return performance.now() - this.#openedAt;
  }

  publish(delivery: Delivery, carrier: Carrier): void {
    delivery.enterChannel(carrier);
    this.#published += 1;
    const tag = this.#published;
    this.#unconfirmed.set(tag, delivery);
    this.#channel.basicPublish(delivery.envelope, delivery.body).then(
      () => this.#onAck(tag),
      (error: unknown) => this.#onReject(tag, error),
    );
  }

  /**
   * What was written and got no answer, in the order of publishing. What the library says of it later is not listened
   * to.
   */
  takeOrphans(): Delivery[] {
    const orphans = [...this.#unconfirmed.values()];
    this.#unconfirmed.clear();
    return orphans;
  }

  /** Only an idle channel may be closed: a close that crosses the broker's own kills the connection. */
  close(): void {
    this.#open = false;
    void this.#channel.close();
  }

  #onAck(tag: number): void {
    const delivery = this.#take(tag);
    if (!delivery) return;
    // A return comes before its confirm: where none has come, the message was routed.
    if (!delivery.mandatory || (this.#returns.coming === 0 && this.#returned.size === 0)) {
      this.#confirm(delivery, true);
      return;
    }
    this.#confirmed.add(delivery);
    // The library emits a return in a setImmediate of its own, registered before the one of this message's confirm.
    setImmediate(() => {
      this.#confirmed.delete(delivery);
      this.#confirm(delivery, !this.#returned.delete(delivery));
    });
  }

  #confirm(delivery: Delivery, routed: boolean): void {
    this.usedAt = performance.now();
    this.#listener.onConfirmed(delivery, routed);
  }

  #onReject(tag: number, error: unknown): void {
    if (!isNack(error)) {
      this.#note(error);
      return;
    }
    const delivery = this.#take(tag);
    if (delivery) this.#listener.onNacked(delivery);
  }

  #take(tag: number): Delivery | undefined {
    const delivery = this.#unconfirmed.get(tag);
    this.#unconfirmed.delete(tag);
    return delivery;
  }

  #note(error: unknown): void {
    if (refusalOf(this.#cause) === undefined) this.#cause = error;
  }

  #onReturn(returned: ReturnedMessage): void {
    this.#returns.coming -= 1;
    const delivery = this.#matcher.find(returned, this.#awaitingReturn());
    if (delivery) this.#returned.add(delivery);
  }

  *#awaitingReturn(): Iterable<Delivery> {
    for (const candidates of [this.#confirmed, this.#unconfirmed.values()])
      for (const delivery of candidates) if (delivery.mandatory && !this.#returned.has(delivery)) yield delivery;
  }

  #onClose(): void {
    this.#open = false;
    // By then every rejection has told its reason, and every confirm that came before the close has been noted.
    setImmediate(() => this.#listener.onClosed(this.#cause));
  }
}

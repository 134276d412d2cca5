import type { Channel as AmqpChannel } from 'rabbitmq-client';
import type { Carrier, Delivery } from './delivery.ts';
import type { ConfirmEvents, Returned } from './message-events.ts';
import type { Outgoing } from './outbox.ts';
import { refusalOf } from './outcomes.ts';
import { ReturnMatcher } from './returns.ts';
import { TagMap } from './tag-map.ts';

export interface ChannelListener {
  onConfirmed(delivery: Delivery, routed: boolean): void;
  onNacked(delivery: Delivery): void;
  /**
   * The channel is closed, and every confirm that came before has been reported; see `takeOrphans`. `cause` is the first
   * error that says more than that the channel is closed.
   */
  onClosed(cause: unknown): void;
}

/** The connection of a channel. */
export interface Wire {
  send(outgoing: Outgoing): void;
  /** Tells what the broker says about the messages of a channel. */
  listen(channel: AmqpChannel, events: ConfirmEvents): void;
}

/**
 * One channel in confirm mode, with accounts of its own: the client library opens and closes it, messages, confirms and
 * returns pass it by. What has not been confirmed when the channel closes is an orphan, and what to make of that is the
 * listener's business: the broker does not say which message it closed the channel for.
 */
export class Channel implements ConfirmEvents {
  readonly #channel: AmqpChannel;
  readonly #wire: Wire;
  readonly #listener: ChannelListener;
  /** By delivery tag, which counts what was published on the channel. */
  readonly #unconfirmed = new TagMap<Delivery>();
  #published = 0;
  #longestBody = 0;
  readonly #returned = new Set<Delivery>();
  readonly #matcher = new ReturnMatcher();
  #open = true;
  #cause: unknown;
  readonly #openedAt = performance.now();
  /** When it last had work, in milliseconds of the monotonic clock. */
  usedAt = performance.now();

  constructor(channel: AmqpChannel, wire: Wire, listener: ChannelListener) {
    this.#channel = channel;
    this.#wire = wire;
    this.#listener = listener;
    wire.listen(channel, this);
    channel.on('error', (error: unknown) => this.#note(error));
    channel.once('close', () => this.#onClose());
  }

  get published(): number {
    return this.#published;
  }

  get longestBody(): number {
    return this.#longestBody;
  }

  get idle(): boolean {
    return this.#unconfirmed.size === 0;
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
    this.#unconfirmed.set(this.#published, delivery);
    const { address, properties, body, mandatory } = delivery;
    this.#longestBody = Math.max(this.#longestBody, body.length);
    const publishing = { channel: this.#channel.id, address, properties, mandatory, body };
    this.#wire.send({ channel: this.#channel, publishing });
  }

  /** What was written and got no answer, in the order of publishing. */
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

  onAck(tag: number, multiple: boolean): void {
    this.#each(tag, multiple, (delivery) => this.#onConfirmed(delivery));
  }

  onNack(tag: number, multiple: boolean): void {
    this.#each(tag, multiple, (delivery) => this.#listener.onNacked(delivery));
  }

  onReturn(returned: Returned): void {
    const delivery = this.#matcher.find(returned, this.#awaitingReturn());
    if (delivery) this.#returned.add(delivery);
  }

  /** Takes the message of a tag, and where `multiple` is set all before it, in order. */
  #each(tag: number, multiple: boolean, confirm: (delivery: Delivery) => void): void {
    this.usedAt = performance.now();
    if (!multiple) {
      const delivery = this.#take(tag);
      if (delivery) confirm(delivery);
      return;
    }
    for (const [each] of this.#unconfirmed.entries()) {
      // Tag 0 is all of them.
      if (each > tag && tag > 0) return;
      const delivery = this.#take(each);
      if (delivery) confirm(delivery);
    }
  }

  #onConfirmed(delivery: Delivery): void {
    // A return comes before its confirm: where none has come, the message was routed.
    const routed = this.#returned.size === 0 || !this.#returned.delete(delivery);
    this.#listener.onConfirmed(delivery, routed);
  }

  #take(tag: number): Delivery | undefined {
    const delivery = this.#unconfirmed.get(tag);
    this.#unconfirmed.delete(tag);
    return delivery;
  }

  #note(error: unknown): void {
    if (refusalOf(this.#cause) === undefined) this.#cause = error;
  }

  *#awaitingReturn(): Iterable<Delivery> {
    for (const delivery of this.#unconfirmed.values())
      if (delivery.mandatory && !this.#returned.has(delivery)) yield delivery;
  }

  #onClose(): void {
    this.#open = false;
    // By then a session whose connection has ended knows it, and takes all of its orphans together.
    setImmediate(() => this.#listener.onClosed(this.#cause));
  }
}

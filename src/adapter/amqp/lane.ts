import type { Channel } from './channel.ts';
import type { Delivery } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';

/** Routing keys remembered of an exchange with topic permissions; past it, all are forgotten. */
const MAX_PROVEN_KEYS = 10_000;

/** Channels that wait for confirms which may never come. */
const MAX_RETIRING = 8;

/**
 * The way to one exchange on one connection.
 *
 * It is unproven until a message, sent alone, was confirmed; the others wait meanwhile, for a missing or refused
 * exchange would close the channel under them all. Once proven it has a channel of its own.
 */
export class Lane {
  readonly exchange: string;
  readonly waiting = new DeliveryQueue();
  proven = false;
  channel: Channel | undefined;
  /** Channels before, which have confirms to come and are closed after the last. */
  readonly retiring = new Set<Channel>();
  opening = false;
  /** A message was refused for its routing key: those not seen confirmed are tried alone. */
  #topicRefused = false;
  readonly #provenKeys = new Set<string>();

  constructor(exchange: string) {
    this.exchange = exchange;
  }

  get idle(): boolean {
    return this.waiting.size === 0 && !this.opening && this.retiring.size === 0 && (this.channel?.idle ?? true);
  }

  /** When it last had a confirm, in milliseconds of the monotonic clock; 0 where it has no channel. */
  get usedAt(): number {
    return this.channel?.usedAt ?? 0;
  }

  /** The next message gets a fresh channel. */
  retireChannel(): void {
    if (this.retiring.size >= MAX_RETIRING || !this.channel?.open) return;
    this.retiring.add(this.channel);
    this.channel = undefined;
    this.closeRetired();
  }

  closeRetired(): void {
    for (const channel of this.retiring) if (channel.open && channel.idle) channel.close();
  }

  /** The channel is closed. */
  leftBy(channel: Channel): void {
    if (this.channel === channel) this.channel = undefined;
    this.retiring.delete(channel);
  }

  takeWaiting(): Delivery | undefined {
    return this.waiting.takeFirst();
  }

  /** Puts what was orphaned before what came later. */
  waitFirst(deliveries: readonly Delivery[]): void {
    const later = [...this.waiting];
    for (const delivery of [...deliveries, ...later]) delivery.enqueue(this.waiting);
  }

  distrusts(routingKey: string): boolean {
    return this.#topicRefused && !this.#provenKeys.has(routingKey);
  }

  noteTopicRefusal(): void {
    this.#topicRefused = true;
  }

  noteConfirmed(routingKey: string): void {
    this.proven = true;
    if (!this.#topicRefused) return;
    if (this.#provenKeys.size >= MAX_PROVEN_KEYS) this.#provenKeys.clear();
    this.#provenKeys.add(routingKey);
  }
}

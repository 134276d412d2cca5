import type { Channel } from './channel.ts';
import type { Delivery } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';

/** Routing keys remembered of an exchange with topic permissions; past it, all are forgotten. */
const MAX_PROVEN_KEYS = 10_000;

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
  /** The channel before, which has confirms to come and is closed after the last. */
  retiring: Channel | undefined;
  opening = false;
  /** A message was refused for its routing key: those not seen confirmed are tried alone. */
  #topicRefused = false;
  readonly #provenKeys = new Set<string>();

  constructor(exchange: string) {
    this.exchange = exchange;
  }

  get idle(): boolean {
    return this.waiting.size === 0 && !this.opening && !this.retiring && (this.channel?.idle ?? true);
  }

  /** When it last had a confirm, in milliseconds of the monotonic clock; 0 where it has no channel. */
  get usedAt(): number {
    return this.channel?.usedAt ?? 0;
  }

  /** The next message gets a fresh channel. */
  retireChannel(): void {
    if (this.retiring || !this.channel?.open) return;
    this.retiring = this.channel;
    this.channel = undefined;
    this.closeRetired();
  }

  closeRetired(): void {
    if (this.retiring?.open && this.retiring.idle) this.retiring.close();
  }

  /** The channel is closed. */
  leftBy(channel: Channel): void {
    if (this.channel === channel) this.channel = undefined;
    if (this.retiring === channel) this.retiring = undefined;
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

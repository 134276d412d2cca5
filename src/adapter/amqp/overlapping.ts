import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Addressed, PublishOptions, PublishOutcome } from '../../handler/publisher.ts';
import { atExpiry, Delivery, type DeliveryListener } from './delivery.ts';
import type { HeldMessages } from './held.ts';
import { TagMap } from './tag-map.ts';

/** Messages handed over in one turn of the event loop: a millisecond's work, or two. */
const SLICE = 100;

export interface OverlappingHost {
  readonly held: HeldMessages;
  /** When the token ends with which it came, in milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Messages without an outcome at most, so that one batch leaves room for others. */
  readonly maxOpen: number;
  /** @param begun others of its batch are on their way */
  deliver(delivery: Delivery, begun: boolean): void;
  /** Its time is over. */
  expire(delivery: Delivery): void;
  /** Nothing of the batch is in memory any more. */
  giveBack(): void;
}

/** Publishes messages one after the other without waiting for their confirms. */
export function publishOverlapping(
  messages: readonly Addressed[],
  options: PublishOptions,
  host: OverlappingHost,
): Promise<readonly PublishOutcome[]> {
  return new Batch(messages, options, host).publish();
}

class Batch {
  readonly #messages: readonly Addressed[];
  readonly #options: PublishOptions;
  readonly #host: OverlappingHost;
  readonly #outcomes: PublishOutcome[] = [];
  /** On their way, by place in the batch. */
  readonly #open = new TagMap<Delivery>();
  #inMemory: number;
  /** A timer may fire a moment before the clock says so. */
  #expired = false;
  /** Called when no more than so many are on their way. */
  #onRoom: { readonly size: number; readonly resolve: () => void } | undefined;

  constructor(messages: readonly Addressed[], options: PublishOptions, host: OverlappingHost) {
    this.#messages = messages;
    this.#options = options;
    this.#host = host;
    this.#inMemory = messages.length;
  }

  async publish(): Promise<readonly PublishOutcome[]> {
    if (this.#messages.length === 0) this.#host.giveBack();
    const { maxOpen } = this.#host;
    const { timeoutMs, signal } = this.#options;
    const deadline = performance.now() + timeoutMs;
    const timer = setTimeout(() => this.#expire(), timeoutMs);
    const stopExpiry = atExpiry(this.#host.expiresAt, timeoutMs, () =>
      this.#failUnwritten((delivery) => delivery.failExpired()),
    );
    const onAbort = (): void => this.#failUnwritten((delivery) => delivery.fail('client-gone'));
    signal?.addEventListener('abort', onAbort);
    for (const [index, message] of this.#messages.entries()) {
      if (this.#open.size >= maxOpen) await this.#room(maxOpen / 2);
      else if (index % SLICE === SLICE - 1) await nextTurn();
      this.#begin(index, message, deadline);
    }
    await this.#room(0);
    clearTimeout(timer);
    stopExpiry();
    signal?.removeEventListener('abort', onAbort);
    return this.#outcomes;
  }

  settle(index: number, outcome: PublishOutcome): void {
    this.#outcomes[index] = outcome;
    this.#open.delete(index);
    if (this.#onRoom && this.#open.size <= this.#onRoom.size) this.#onRoom.resolve();
  }

  outOfMemory(): void {
    this.#inMemory -= 1;
    if (this.#inMemory === 0) this.#host.giveBack();
  }

  #begin(index: number, message: Addressed, deadline: number): void {
    const { patient = false, signal } = this.#options;
    const { expiresAt } = this.#host;
    const delivery = new Delivery(message, patient, expiresAt, this.#host.held, new Member(this, index));
    this.#open.set(index, delivery);
    if (signal?.aborted) delivery.fail('client-gone');
    // What has not been written by then never is: nobody would learn what became of it.
    else if (index > 0 && (this.#expired || performance.now() >= deadline)) this.#host.expire(delivery);
    else this.#host.deliver(delivery, index > 0);
  }

  /** Resolves when no more than so many are on their way. */
  async #room(size: number): Promise<void> {
    if (this.#open.size <= size) return;
    await new Promise<void>((resolve) => {
      this.#onRoom = { size, resolve };
    });
    this.#onRoom = undefined;
  }

  /** Those first that have not been written, or each place in flight that becomes free would be taken by one of them. */
  #expire(): void {
    this.#expired = true;
    for (const delivery of this.#open.values()) if (!delivery.inFlight) this.#host.expire(delivery);
    for (const delivery of this.#open.values()) this.#host.expire(delivery);
  }

  #failUnwritten(fail: (delivery: Delivery) => void): void {
    for (const delivery of this.#open.values()) if (!delivery.inFlight) fail(delivery);
  }
}

/** One message of a batch. */
class Member implements DeliveryListener {
  readonly #batch: Batch;
  readonly #index: number;

  constructor(batch: Batch, index: number) {
    this.#batch = batch;
    this.#index = index;
  }

  onSettled(outcome: PublishOutcome): void {
    this.#batch.settle(this.#index, outcome);
  }

  onOutOfMemory(): void {
    this.#batch.outOfMemory();
  }
}

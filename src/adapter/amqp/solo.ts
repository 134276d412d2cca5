import type { Channel } from './channel.ts';
import type { Delivery } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import type { Lane } from './lane.ts';

export interface SoloHost {
  /** How many channels the pool may have. */
  readonly soloChannels: number;
  /** Resolves to undefined when the connection has ended or can open no more channels. */
  openChannel(): Promise<Channel | undefined>;
  write(channel: Channel, delivery: Delivery): void;
  /** The broker has said nothing of a lone message for a while. It refuses at once, so it has not refused it. */
  onSilence(delivery: Delivery): void;
}

/** After so long a silence a message is no longer suspected. */
const SILENCE_MS = 1_000;

/** Channels whose message is no longer suspected, and which are therefore lent besides the pool's own. */
const MAX_SILENT = 60;

/** A channel that could not be opened is tried again. */
const REOPEN_MS = 200;

/**
 * The place of a channel that the broker closed stays empty for a moment. Opening one costs broker and gateway as much
 * as many messages, and who sends what is refused should wait rather than those beside them.
 */
const COOLING_MS = 10;

/**
 * Channels that carry one message at a time, for messages that may be refused: when such a channel closes, there is
 * no doubt whose fault it was.
 */
export class SoloPool {
  readonly #host: SoloHost;
  readonly #deliveries = new DeliveryQueue();
  readonly #quarantine = new DeliveryQueue();
  readonly #lanes = new Set<Lane>();
  readonly #idle: Channel[] = [];
  readonly #busy = new Map<Channel, Delivery>();
  readonly #silent = new Set<Channel>();
  /** The broker counts them until they are closed. */
  readonly #closing = new Set<Channel>();
  /** Lanes whose probe is on its way. */
  readonly #probed = new Map<Delivery, Lane>();
  #opening = 0;
  #cooling = 0;
  #lanesNext = true;

  constructor(host: SoloHost) {
    this.#host = host;
  }

  /** Nobody waits. */
  get idle(): boolean {
    return this.#deliveries.size === 0 && this.#quarantine.size === 0;
  }

  /** Deliveries that have not been written. */
  *queued(): Iterable<Delivery> {
    yield* this.#quarantine;
    yield* this.#deliveries;
  }

  enqueue(delivery: Delivery): void {
    delivery.enqueue(delivery.quarantined ? this.#quarantine : this.#deliveries);
    this.#pump();
  }

  /** Sends the first that waits for the lane, and reports what becomes of it as that of any other. */
  probe(lane: Lane): void {
    for (const probed of this.#probed.values()) if (probed === lane) return;
    this.#lanes.add(lane);
    this.#pump();
  }

  /** Call when the channel's message was confirmed or nacked. One that is not to be used again is closed. */
  release(channel: Channel, reuse: boolean): void {
    this.#settle(channel);
    if (!reuse) {
      this.#closing.add(channel);
      channel.close();
    } else if (channel.open) this.#idle.push(channel);
    this.#pump();
  }

  /** Call when the channel is closed. */
  drop(channel: Channel): void {
    if (this.#busy.has(channel)) this.#cool();
    this.#settle(channel);
    this.#closing.delete(channel);
    const position = this.#idle.indexOf(channel);
    if (position >= 0) this.#idle.splice(position, 1);
    this.#pump();
  }

  /** The connection has ended; what was queued is somebody else's now. */
  end(): void {
    this.#lanes.clear();
    this.#idle.length = 0;
  }

  #settle(channel: Channel): void {
    const delivery = this.#busy.get(channel);
    this.#busy.delete(channel);
    this.#silent.delete(channel);
    if (delivery) this.#probed.delete(delivery);
  }

  #pump(): void {
    while (this.#hasWork()) {
      const channel = this.#idle.pop();
      if (!channel) break;
      if (!channel.open) continue;
      const delivery = this.#next();
      if (!delivery) {
        this.#idle.push(channel);
        return;
      }
      this.#busy.set(channel, delivery);
      setTimeout(() => this.#onSilence(channel, delivery), SILENCE_MS).unref();
      this.#host.write(channel, delivery);
    }
    while (this.#hasWork() && this.#opening < this.#wanted()) void this.#open();
  }

  #wanted(): number {
    const lent = Math.min(this.#silent.size, MAX_SILENT);
    const taken = this.#busy.size + this.#idle.length + this.#closing.size + this.#cooling;
    const room = this.#host.soloChannels + lent - taken;
    return Math.min(room, this.#deliveries.size + this.#lanes.size + this.#quarantine.size);
  }

  #hasWork(): boolean {
    return this.#deliveries.size > 0 || this.#lanes.size > 0 || (this.#quarantine.size > 0 && !this.#quarantineBusy());
  }

  #quarantineBusy(): boolean {
    for (const delivery of this.#busy.values()) if (delivery.quarantined) return true;
    return false;
  }

  /** Lanes and single messages take turns, so that neither can starve the other. */
  #next(): Delivery | undefined {
    if (!this.#quarantineBusy()) {
      const quarantined = this.#quarantine.takeFirst();
      if (quarantined) return quarantined;
    }
    this.#lanesNext = !this.#lanesNext;
    return this.#lanesNext
      ? (this.#nextProbe() ?? this.#deliveries.takeFirst())
      : (this.#deliveries.takeFirst() ?? this.#nextProbe());
  }

  #nextProbe(): Delivery | undefined {
    for (const lane of this.#lanes) {
      this.#lanes.delete(lane);
      const delivery = lane.takeWaiting();
      if (delivery) {
        this.#probed.set(delivery, lane);
        return delivery;
      }
    }
    return undefined;
  }

  async #open(): Promise<void> {
    this.#opening += 1;
    const channel = await this.#host.openChannel();
    this.#opening -= 1;
    if (channel) {
      this.#idle.push(channel);
      this.#pump();
    } else {
      setTimeout(() => this.#pump(), REOPEN_MS).unref();
    }
  }

  #cool(): void {
    this.#cooling += 1;
    setTimeout(() => {
      this.#cooling -= 1;
      this.#pump();
    }, COOLING_MS).unref();
  }

  #onSilence(channel: Channel, delivery: Delivery): void {
    if (this.#busy.get(channel) !== delivery) return;
    this.#silent.add(channel);
    this.#probed.delete(delivery);
    this.#host.onSilence(delivery);
    this.#pump();
  }
}

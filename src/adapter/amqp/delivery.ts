import type { Envelope } from 'rabbitmq-client';
import type { Address, Message, PublishFailure, PublishOutcome } from '../../handler/publisher.ts';

export interface DeliveryListener {
  /** It has its outcome: nobody waits for it any more. */
  onSettled(): void;
  /** And it is on no channel, or all of it has been written: its body is out of memory. */
  onDone(): void;
}

/** The connection that a delivery is in flight on. */
export interface Carrier {
  /** Nothing that was written waits in this process. */
  readonly flushed: boolean;
  /** The delivery got its outcome before its confirm, which is still owed. */
  onOverdue(): void;
}

/**
 * One message on its way, through as many attempts as it takes, to the one outcome that its client is told.
 *
 * It is in at most one queue while it waits and on at most one channel while it is in flight. Its outcome may come
 * first (a deadline), its last channel later.
 */
export class Delivery {
  readonly address: Address;
  readonly message: Message;
  readonly envelope: Envelope;
  body: Buffer;
  readonly outcome: Promise<PublishOutcome>;

  /** Some attempt may have reached the broker without a verdict: it may have the message. */
  ambiguous = false;
  /** Was among others when something killed their channel or connection: is tried alone from now on. */
  suspect = false;
  /** Was in flight when a protocol error killed the connection: is tried with no other such beside it. */
  quarantined = false;
  /** How often it was written. */
  attempts = 0;
  readonly startedAt = performance.now();

  readonly #listener: DeliveryListener;
  #resolve: (outcome: PublishOutcome) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #queue: Set<Delivery> | undefined;
  #settled = false;
  #done = false;
  #carrier: Carrier | undefined;

  constructor(address: Address, message: Message, listener: DeliveryListener) {
    this.address = address;
    this.message = message;
    this.envelope = toEnvelope(address, message);
    this.body = Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength);
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#listener = listener;
  }

  get settled(): boolean {
    return this.#settled;
  }

  get inFlight(): boolean {
    return this.#carrier !== undefined;
  }

  /** The broker is asked to return it where no queue takes it. */
  get mandatory(): boolean {
    return this.message.unroutable !== 'ignore';
  }

  /** Calls `onDeadline` unless it is settled within the time. */
  startDeadline(timeoutMs: number, onDeadline: (delivery: Delivery) => void): void {
    this.#timer = setTimeout(() => onDeadline(this), timeoutMs);
  }

  /** Waits at the end of `queue`, and leaves it by itself when it is settled first. */
  enqueue(queue: Set<Delivery>): void {
    this.dequeue();
    this.#queue = queue;
    queue.add(this);
  }

  dequeue(): void {
    this.#queue?.delete(this);
    this.#queue = undefined;
  }

  enterChannel(carrier: Carrier): void {
    this.dequeue();
    this.#carrier = carrier;
    this.attempts += 1;
  }

  leaveChannel(): void {
    this.#carrier = undefined;
    if (this.#settled) this.#finish();
  }

  /** The first outcome counts; what comes after a deadline is too late to tell anybody. */
  settle(outcome: PublishOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.dequeue();
    this.#resolve(outcome);
    this.#listener.onSettled();
    if (!this.#carrier || this.#carrier.flushed) this.#finish();
    this.#carrier?.onOverdue();
  }

  fail(kind: PublishFailure['kind'], detail?: string): void {
    const published = this.ambiguous || this.#carrier ? 'unknown' : 'no';
    this.settle({ kind, published, ...(detail !== undefined && { detail }) });
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.body = NOTHING;
    this.#listener.onDone();
  }
}

const NOTHING = Buffer.alloc(0);

/** Takes the next delivery out of a queue. */
export function takeFirst(queue: Set<Delivery>): Delivery | undefined {
  const [first] = queue;
  first?.dequeue();
  return first;
}

/**
 * What the client library is given. `timestamp` must be there even when it is absent, for the library would add one;
 * a headers table may be a Map at every level, which its types do not say.
 */
function toEnvelope({ exchange, routingKey }: Address, { properties, unroutable }: Message): Envelope {
  const { deliveryMode, headers, timestamp, ...rest } = properties;
  const mandatory = unroutable !== 'ignore';
  const envelope: Envelope = {
    exchange,
    routingKey,
    mandatory,
    durable: deliveryMode === 2,
    ...rest,
  };
  return Object.assign(envelope, { timestamp }, headers && { headers });
}

import { createHash } from 'node:crypto';
import type {
  Address,
  Addressed,
  Properties,
  PublishFailure,
  PublishOutcome,
  Unroutable,
} from '../../handler/publisher.ts';
import type { DeliveryQueue, Place } from './delivery-queue.ts';
import type { HeldMessages } from './held.ts';

export interface DeliveryListener {
  /** It has its outcome: nobody waits for it any more. */
  onSettled(outcome: PublishOutcome): void;
  /** And it is on no channel, or all of it has been written. */
  onOutOfMemory(): void;
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
  readonly unroutable: Unroutable;
  #properties: Properties;
  #headersAreGone = false;
  #body: Buffer;
  #bodyDigest: string | undefined;
  /** Its client was answered 202: it can wait for an alarm to end. */
  readonly patient: boolean;

  /** Some attempt may have reached the broker without a verdict: it may have the message. */
  ambiguous = false;
  /** Was among others when something killed their channel or connection: is tried alone from now on. */
  suspect = false;
  /** Was in flight when a protocol error killed the connection: is tried with no other such beside it. */
  quarantined = false;
  /** When the token ends with which it came, in milliseconds since the epoch. */
  readonly expiresAt: number;
  /** How often it was written. */
  attempts = 0;
  readonly startedAt = performance.now();
  /** When the last attempt was written, in milliseconds of the monotonic clock. */
  writtenAt = 0;

  /** Until it is out of memory: a confirm that is owed must not keep the rest of a batch there. */
  #listener: DeliveryListener | undefined;
  /** Where it is counted while it waits. */
  readonly #held: HeldMessages;
  #timer: NodeJS.Timeout | undefined;
  #stopExpiry: (() => void) | undefined;
  #queue: DeliveryQueue | undefined;
  #place: Place | undefined;
  /** Since when it is in its queue, in milliseconds of the monotonic clock. */
  #queuedAt = 0;
  #settled = false;
  #carrier: Carrier | undefined;

  constructor(
    { address, message }: Addressed,
    patient: boolean,
    expiresAt: number,
    held: HeldMessages,
    listener: DeliveryListener,
  ) {
    this.address = address;
    this.#properties = message.properties;
    this.unroutable = message.unroutable;
    this.#body = Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength);
    this.patient = patient;
    this.expiresAt = expiresAt;
    this.#held = held;
    this.#listener = listener;
  }

  get properties(): Properties {
    return this.#properties;
  }

  /** Large headers go out of memory with the body. */
  get headersAreGone(): boolean {
    return this.#headersAreGone;
  }

  /** Empty once it is out of memory. */
  get body(): Buffer {
    return this.#body;
  }

  /** Of a body that is out of memory while the message may still be returned. */
  get bodyDigest(): string | undefined {
    return this.#bodyDigest;
  }

  get settled(): boolean {
    return this.#settled;
  }

  get inFlight(): boolean {
    return this.#carrier !== undefined;
  }

  /** Its token is no longer good. */
  get expired(): boolean {
    return Date.now() >= this.expiresAt;
  }

  /** The broker is asked to return it where no queue takes it. */
  get mandatory(): boolean {
    return this.unroutable !== 'ignore';
  }

  /** Calls `onDeadline` unless it is settled within the time, and ends with its token where it has not been written. */
  startDeadline(timeoutMs: number, onDeadline: (delivery: Delivery) => void): void {
    this.#timer = setTimeout(() => onDeadline(this), timeoutMs);
    if (this.expiresAt === Number.POSITIVE_INFINITY) return;
    this.#stopExpiry = atExpiry(this.expiresAt, timeoutMs, () => {
      if (!this.inFlight) this.failExpired();
    });
  }

  /** Waits at the end of `queue`, and leaves it by itself when it is settled first. */
  enqueue(queue: DeliveryQueue): void {
    this.dequeue();
    this.#queue = queue;
    this.#place = queue.add(this);
    this.#queuedAt = performance.now();
    this.#held.enter();
  }

  dequeue(): void {
    if (!this.#queue || !this.#place) return;
    this.#queue.remove(this.#place);
    this.#queue = undefined;
    this.#place = undefined;
    this.#held.leave();
  }

  waitsIn(queue: DeliveryQueue): boolean {
    return this.#queue === queue;
  }

  /** How long it has waited in its queue. */
  get waitedMs(): number {
    return this.#queue ? performance.now() - this.#queuedAt : 0;
  }

  enterChannel(carrier: Carrier): void {
    this.dequeue();
    this.#carrier = carrier;
    this.attempts += 1;
    this.writtenAt = performance.now();
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
    this.#stopExpiry?.();
    this.dequeue();
    this.#listener?.onSettled(outcome);
    if (!this.#carrier || this.#carrier.flushed) this.#finish();
    this.#carrier?.onOverdue();
  }

  fail(kind: PublishFailure['kind'], detail?: string): void {
    const published = this.ambiguous || this.#carrier ? 'unknown' : 'no';
    this.settle({ kind, published, ...(detail !== undefined && { detail }) });
  }

  /** It may not be written (again), for its token has expired. */
  failExpired(): void {
    this.fail('login-refused', TOKEN_EXPIRED);
  }

  #finish(): void {
    const listener = this.#listener;
    if (!listener) return;
    this.#listener = undefined;
    if (this.#carrier && this.mandatory) this.#bodyDigest = digestOf(this.#body);
    this.#body = NOTHING;
    this.#dropLargeHeaders();
    listener.onOutOfMemory();
  }

  #dropLargeHeaders(): void {
    const { headers } = this.#properties;
    if (!this.#carrier || !(headers instanceof Uint8Array) || headers.length <= SMALL_HEADERS) return;
    const { headers: _, ...others } = this.#properties;
    this.#properties = others;
    this.#headersAreGone = true;
  }
}

/** Bytes of headers that are kept until their confirm, as other properties are. */
const SMALL_HEADERS = 256;

/**
 * Calls `onExpired` when a token ends, if that is within the time.
 *
 * @param expiresAt in milliseconds since the epoch
 * @returns call it when nothing is left that could expire
 */
export function atExpiry(expiresAt: number, timeoutMs: number, onExpired: () => void): () => void {
  const leftMs = expiresAt - Date.now();
  if (leftMs > timeoutMs) return () => {};
  const timer = setTimeout(onExpired, leftMs);
  return () => clearTimeout(timer);
}

export const TOKEN_EXPIRED = 'the token has expired';

const NOTHING = Buffer.alloc(0);

export const digestOf = (body: Buffer): string => createHash('sha256').update(body).digest('base64');

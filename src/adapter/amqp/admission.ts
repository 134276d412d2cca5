import type {
  Address,
  Addressed,
  Admission,
  Message,
  PublishFailure,
  PublishOptions,
  PublishOutcome,
} from '../../handler/publisher.ts';
import type { ByteShare } from './byte-budget.ts';
import type { DeliveryListener } from './delivery.ts';

/** What an admission costs besides its body, in bytes of memory: the request, the message, the promises. */
const OVERHEAD_BYTES = 2_048;

export interface AdmissionHost {
  /** @param expiresAt when the token ends with which the message came, in milliseconds since the epoch */
  publish(message: Addressed, options: PublishOptions, expiresAt: number, listener: DeliveryListener): void;
  /**
   * @param expiresAt as of one message
   * @param giveBack call it when all messages are out of memory
   */
  publishMany(
    messages: readonly Addressed[],
    options: PublishOptions,
    expiresAt: number,
    giveBack: () => void,
  ): Promise<readonly PublishOutcome[]>;
  abandon(requestId: string, address: Address, failure: PublishFailure): void;
  /** An admission has ended, with its message on its way or without one. */
  onEnded(): void;
  /** Nobody waits for it any more. */
  onDone(): void;
}

/**
 * Leave to publish, or undefined where there is no room for as many bytes as are announced. Those are taken only as they
 * come: a client that announces a body and does not send it would otherwise refuse others.
 */
export function admit(
  share: ByteShare,
  announced: number,
  expiresAt: number,
  host: AdmissionHost,
): Admission | undefined {
  if (!share.hasRoomFor(OVERHEAD_BYTES + announced)) return undefined;
  share.take(OVERHEAD_BYTES);
  return new HeldRoom(share, OVERHEAD_BYTES, expiresAt, host);
}

/** A class and not a handful of closures, which would cost as much as the rest of an admission. */
class HeldRoom implements Admission, DeliveryListener {
  readonly kind = 'admitted';
  readonly #share: ByteShare;
  readonly #expiresAt: number;
  readonly #host: AdmissionHost;
  #reserved: number;
  #open = true;
  #onOutcome: ((outcome: PublishOutcome) => void) | undefined;

  constructor(share: ByteShare, reserved: number, expiresAt: number, host: AdmissionHost) {
    this.#share = share;
    this.#reserved = reserved;
    this.#expiresAt = expiresAt;
    this.#host = host;
  }

  reserve(bytes: number): boolean {
    if (!this.#share.take(bytes, this.#reserved)) return false;
    this.#reserved += bytes;
    return true;
  }

  publish(address: Address, message: Message, options: PublishOptions): Promise<PublishOutcome> {
    this.#open = false;
    this.#host.onEnded();
    return new Promise((resolve) => {
      this.#onOutcome = resolve;
      this.#host.publish({ address, message }, options, this.#expiresAt, this);
    });
  }

  async publishMany(messages: readonly Addressed[], options: PublishOptions): Promise<readonly PublishOutcome[]> {
    this.#open = false;
    const outcomes = await this.#host.publishMany(messages, options, this.#expiresAt, () => this.onOutOfMemory());
    // Only now, for a connection with an admission is not taken for idle between two slices of the batch.
    this.#host.onEnded();
    this.#host.onDone();
    return outcomes;
  }

  release(): void {
    if (!this.#open) return;
    this.#open = false;
    this.onOutOfMemory();
    this.#host.onEnded();
    this.#host.onDone();
  }

  abandon(requestId: string, address: Address, failure: PublishFailure): void {
    this.#host.abandon(requestId, address, failure);
  }

  onSettled(outcome: PublishOutcome): void {
    this.#onOutcome?.(outcome);
    this.#host.onDone();
  }

  onOutOfMemory(): void {
    this.#share.giveBack(this.#reserved);
  }
}

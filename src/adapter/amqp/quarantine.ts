import type { Delivery } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import type { Session } from './session.ts';

export interface QuarantineHost {
  /** A connection for them alone; undefined where there is none to be had. */
  open(): Promise<Session | undefined>;
  /** Resolves when all that the connection was given has an outcome, or is back in quarantine. */
  retire(session: Session): Promise<void>;
  /** Takes a delivery for which there is no such connection. */
  release(delivery: Delivery): void;
  /** Nothing is tried any more. */
  onEnd(): void;
}

/**
 * Those that broke a connection, or were beside what did, are tried one by one on a connection of their own: it is
 * certain then which one it was, and it breaks nobody else's.
 */
export class Quarantine implements Iterable<Delivery> {
  readonly #host: QuarantineHost;
  readonly #waiting = new DeliveryQueue();
  #trying = false;

  constructor(host: QuarantineHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#waiting.size;
  }

  [Symbol.iterator](): Iterator<Delivery> {
    return this.#waiting[Symbol.iterator]();
  }

  add(delivery: Delivery): void {
    delivery.enqueue(this.#waiting);
    void this.#try();
  }

  async #try(): Promise<void> {
    if (this.#trying) return;
    this.#trying = true;
    while (this.#waiting.size > 0) {
      const session = await this.#host.open();
      if (!session) {
        for (const delivery of this.#waiting) this.#host.release(delivery);
        break;
      }
      for (const delivery of this.#waiting) {
        delivery.dequeue();
        session.publish(delivery);
      }
      await this.#host.retire(session);
    }
    this.#trying = false;
    this.#host.onEnd();
  }
}

import type { Delivery } from './delivery.ts';

/** A delivery's place in a queue. */
export interface Place {
  readonly delivery: Delivery;
  before: Place | undefined;
  after: Place | undefined;
}

/**
 * Deliveries in the order in which they came. The first, or any other, is taken out in the same short time however
 * many there are: a Set finds its first element ever more slowly the more have been deleted before it (22 us with
 * 10,000 waiting).
 */
export class DeliveryQueue implements Iterable<Delivery> {
  #first: Place | undefined;
  #last: Place | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): Delivery | undefined {
    return this.#first?.delivery;
  }

  /** Takes the first out. */
  takeFirst(): Delivery | undefined {
    const { first } = this;
    first?.dequeue();
    return first;
  }

  /** Call `Delivery.enqueue`, which keeps the place. */
  add(delivery: Delivery): Place {
    const place: Place = { delivery, before: this.#last, after: undefined };
    if (this.#last) this.#last.after = place;
    else this.#first = place;
    this.#last = place;
    this.#size += 1;
    return place;
  }

  /** Call `Delivery.dequeue`. */
  remove(place: Place): void {
    const { before, after } = place;
    // Or one that has grown old would keep all after it alive until the next full collection of garbage.
    place.before = undefined;
    place.after = undefined;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    this.#size -= 1;
  }

  /** Those that wait now, and still do when their turn comes; each may be taken out when it is. */
  *[Symbol.iterator](): Iterator<Delivery> {
    const waiting: Delivery[] = [];
    for (let place = this.#first; place; place = place.after) waiting.push(place.delivery);
    for (const delivery of waiting) if (delivery.waitsIn(this)) yield delivery;
  }
}

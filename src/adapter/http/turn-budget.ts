/** What can be started, a request at a time. */
export interface Waiting {
  startNext(): void;
}

/** How long pipelined requests may keep one turn of the event loop busy. */
const SLICE_MS = 8;

/** Pipelined requests that are started in one turn. */
const MAX_STARTS = 64;

/** So many chances for each connection that waits, so that a few of them need not wait for a turn after each request. */
const CHANCES_EACH = 8;

/**
 * The share of each turn of the event loop that pipelined requests may have, over all connections of a server. A client
 * can send a thousand requests in one read; processed in one go, they would keep all others waiting.
 *
 * Connections take turns, one request each. The first request of a connection that has nothing else to do does not ask.
 */
export class TurnBudget {
  #queue: Waiting[] = [];
  /** How many at the queue's head have been started already; they are dropped together. */
  #head = 0;
  /** Immediates that have not been called yet. */
  #chances = 0;
  #sliceEnd = 0;
  #startedAtOnce = 0;
  #isCrowded = false;

  /** Whether a pipelined request may be started at once: nobody waits, and this turn has had few. */
  take(): boolean {
    if (this.#waiting > 0 || this.#startedAtOnce >= MAX_STARTS) return false;
    if (this.#startedAtOnce === 0) setImmediate(() => (this.#startedAtOnce = 0));
    this.#startedAtOnce += 1;
    return true;
  }

  /** To be called for each new connection. Node accepts one in each turn, so while more may wait the turns are short. */
  makeWay(): void {
    this.#isCrowded = true;
  }

  /** Has the next request of a connection started as soon as it is that connection's turn. */
  wait(connection: Waiting): void {
    this.#queue.push(connection);
    if (this.#chances === 0) this.#arm();
  }

  get #waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Node runs what a request leaves behind (promises, ticks) before the next immediate, so its time counts, too. */
  #arm(): void {
    this.#sliceEnd = 0;
    this.#chances = Math.min(MAX_STARTS, this.#waiting * CHANCES_EACH);
    for (let n = 0; n < this.#chances; n += 1) setImmediate(this.#chance);
  }

  readonly #chance = (): void => {
    this.#chances -= 1;
    const now = performance.now();
    if (this.#sliceEnd === 0) this.#sliceEnd = now + SLICE_MS;
    if (now < this.#sliceEnd) {
      if (this.#isCrowded) this.#sliceEnd = now;
      this.#shift()?.startNext();
    }
    if (this.#chances > 0) return;
    this.#isCrowded = false;
    if (this.#waiting > 0) this.#arm();
  };

  #shift(): Waiting | undefined {
    const first = this.#queue[this.#head];
    if (first === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#queue.length || this.#head >= 1_024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}

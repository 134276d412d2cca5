import type { Socket } from 'node:net';

/** How long the head of a request may be arriving before its connection may have to make room for another one. */
const HEAD_MS = 1_000;

/** Idle connections that are looked at to make room for one. */
const MAX_LOOKS = 64;

/** What stands between two others in a ring. */
class Ring {
  before: Ring = this;
  after: Ring = this;

  get isEmpty(): boolean {
    return this.after === this;
  }

  remove(): void {
    this.before.after = this.after;
    this.after.before = this.before;
    this.before = this;
    this.after = this;
  }

  append(last: Ring): void {
    last.remove();
    last.before = this.before;
    last.after = this;
    this.before.after = last;
    this.before = last;
  }
}

/** What one connection takes of the room for connections. It is idle from the start, and between requests. */
export class Place extends Ring {
  /** As it came, below TLS. */
  readonly socket: Socket;
  readonly #idle: Ring;
  readonly #begun: Ring;
  /** Bytes that had come when it became idle: more of them are a request on its way. */
  bytesRead = 0;
  /** When it was seen that a request is on its way. */
  begunAt = 0;

  constructor(socket: Socket, idle: Ring, begun: Ring) {
    super();
    this.#begun = begun;
    this.socket = socket;
    this.#idle = idle;
    idle.append(this);
  }

  /** To be called when a request has come. */
  leave(): void {
    this.remove();
  }

  /** To be called when a request has begun to arrive, and when the connection only waits for its client to end it. */
  begin(): void {
    this.begunAt = performance.now();
    this.#begun.append(this);
  }

  /** To be called when all requests are answered. */
  free(): void {
    this.bytesRead = this.socket.bytesRead;
    this.#idle.append(this);
  }
}

/**
 * The connections of a server, which are bounded. Where there are as many as there may be, the one that has been idle for
 * longest makes room for a new one. A request on its way is not idle; but one whose head takes longer than a second to
 * arrive is no better than silence when others wait.
 */
export class ConnectionLimit {
  readonly #max: number;
  readonly #places = new Map<Socket, Place>();
  /** In the order in which they became idle. */
  readonly #idle = new Ring();
  /** Those of them on which a head has begun, in the order in which that was seen. */
  readonly #begun = new Ring();
  #madeRoom = 0;
  #turnedAway = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get open(): number {
    return this.#places.size;
  }

  get max(): number {
    return this.#max;
  }

  /** Idle connections that were closed for new ones. */
  get madeRoom(): number {
    return this.#madeRoom;
  }

  /** Connections for which there was no room. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  get sockets(): Iterable<Socket> {
    return this.#places.keys();
  }

  placeOf(socket: Socket): Place | undefined {
    return this.#places.get(socket);
  }

  /** @returns false where there is no room for it, and none can be made; it has its place all the same until it closes */
  enter(socket: Socket): boolean {
    const hasRoom = this.#places.size < this.#max || this.#makeRoom();
    const place = new Place(socket, this.#idle, this.#begun);
    this.#places.set(socket, place);
    if (!hasRoom) {
      this.#turnedAway += 1;
      place.leave();
    }
    return hasRoom;
  }

  /** To be called when a socket is closed. */
  exit(socket: Socket): void {
    this.#places.get(socket)?.remove();
    this.#places.delete(socket);
  }

  #makeRoom(): boolean {
    const place = this.#longestIdle() ?? this.#longestBegun();
    if (!place) return false;
    this.#madeRoom += 1;
    place.socket.destroy();
    // Its event comes later.
    this.exit(place.socket);
    return true;
  }

  #longestIdle(): Place | undefined {
    for (let look = 0; look < MAX_LOOKS; look += 1) {
      const first = this.#idle.after;
      if (!(first instanceof Place)) return undefined;
      if (first.socket.bytesRead === first.bytesRead) return first;
      first.begin();
    }
    return undefined;
  }

  #longestBegun(): Place | undefined {
    const first = this.#begun.after;
    return first instanceof Place && performance.now() - first.begunAt > HEAD_MS ? first : undefined;
  }
}

import type { Socket } from 'node:net';

/** A connection whose client may be slow to read. */
export interface Reader {
  readonly socket: Socket;
  /** Memory that its answers take while they wait to be read. */
  unread: number;
}

/** Of all connections of a server; past it, the slowest readers go. */
const MAX_UNREAD = 64 * 1024 * 1024;

const CHECK_MS = 5_000;

/** A client that reads nothing for so long will not do so any more. */
const QUIET_MS = 25_000;

/** Answers that wait for their clients to read them: each a connection's memory, and all together the process'. */
export class UnreadAnswers {
  readonly #readers = new Set<Reader>();
  /** Those that were behind at the last check already, and have a time-out since then. */
  readonly #slow = new Set<Reader>();
  #total = 0;
  #timer: NodeJS.Timeout | undefined;

  add(reader: Reader, bytes: number): void {
    reader.unread += bytes;
    this.#total += bytes;
    this.#readers.add(reader);
    this.#timer ??= setInterval(() => this.#check(), CHECK_MS).unref();
    while (this.#total > MAX_UNREAD) this.#endSlowest();
  }

  remove(reader: Reader, bytes: number): void {
    reader.unread -= bytes;
    this.#total -= bytes;
    if (reader.unread > 0) return;
    this.#readers.delete(reader);
    if (this.#slow.delete(reader)) reader.socket.setTimeout(0);
  }

  /** A time-out for each answer would cost the many that are read at once. Node's own ends the connection. */
  #check(): void {
    for (const reader of this.#readers) {
      if (this.#slow.has(reader)) continue;
      this.#slow.add(reader);
      reader.socket.setTimeout(QUIET_MS);
    }
    if (this.#readers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #endSlowest(): void {
    let slowest: Reader | undefined;
    for (const reader of this.#readers) if (!slowest || reader.unread > slowest.unread) slowest = reader;
    if (!slowest) return;
    slowest.socket.destroy();
    this.remove(slowest, slowest.unread);
  }
}

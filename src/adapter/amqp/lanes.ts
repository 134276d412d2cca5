import type { Delivery } from './delivery.ts';
import { Lane } from './lane.ts';

/** The lanes of one connection, by exchange. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();

  of(exchange: string): Lane {
    let lane = this.#lanes.get(exchange);
    if (!lane) {
      lane = new Lane(exchange);
      this.#lanes.set(exchange, lane);
    }
    return lane;
  }

  find(exchange: string): Lane | undefined {
    return this.#lanes.get(exchange);
  }

  /** Somebody waits for a lane. */
  get awaited(): boolean {
    for (const lane of this.#lanes.values()) if (lane.waiting.size > 0) return true;
    return false;
  }

  *waiting(): Iterable<Delivery> {
    for (const lane of this.#lanes.values()) yield* lane.waiting;
  }

  /** Forgets a lane that leads nowhere. */
  forget(lane: Lane): void {
    if (lane.idle) this.#close(lane);
  }

  /** Whether there may be one more channel; the one that was idle for longest is closed for it. */
  makeRoom(maxChannels: number): boolean {
    const lanes = [...this.#lanes.values()];
    const open = lanes.filter((lane) => lane.channel || lane.opening);
    const retiring = lanes.reduce((sum, lane) => sum + lane.retiring.size, 0);
    if (open.length + retiring <= maxChannels) return true;
    let oldest: Lane | undefined;
    for (const lane of open) if (lane.channel && lane.idle && lane.usedAt < (oldest?.usedAt ?? Infinity)) oldest = lane;
    if (!oldest || maxChannels < 1) return false;
    this.#close(oldest);
    return true;
  }

  /** Closes those without use since then. */
  closeIdle(usedBefore: number): void {
    for (const lane of this.#lanes.values()) if (lane.idle && lane.usedAt <= usedBefore) this.#close(lane);
  }

  #close(lane: Lane): void {
    lane.channel?.close();
    this.#lanes.delete(lane.exchange);
  }
}

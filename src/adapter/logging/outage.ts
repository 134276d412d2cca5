import type { OutletListener } from './outlet.ts';

/** What is said of an outlet that fails again and again: once in so long. */
const QUIET_MS = 60_000;

/** Tells how an outlet fares: once for each outage, and counts what it loses meanwhile. */
export class Outage {
  readonly #listener: OutletListener;
  #failing = false;
  #isSaid = false;
  #saidAt = Number.NEGATIVE_INFINITY;
  #dropped = 0;
  #later: NodeJS.Timeout | undefined;

  constructor(listener: OutletListener) {
    this.#listener = listener;
  }

  fail(reason: string): void {
    if (this.#failing) return;
    this.#failing = true;
    if (this.#isQuiet()) return;
    this.#isSaid = true;
    this.#saidAt = performance.now();
    this.#listener.failed(reason);
  }

  /** More waits already than may. */
  drop(records: number): void {
    this.#dropped += records;
    this.#listener.dropped(records);
    this.fail('it takes records too slowly; some are lost');
  }

  recover(): void {
    if (!this.#failing) return;
    this.#failing = false;
    if (!this.#isSaid && this.#dropped === 0) return;
    if (this.#isSaid || !this.#isQuiet()) this.#sayRecovered();
    else
      this.#later ??= setTimeout(() => {
        this.#later = undefined;
        if (!this.#failing && this.#dropped > 0) this.#sayRecovered();
      }, QUIET_MS).unref();
  }

  #sayRecovered(): void {
    const dropped = this.#dropped;
    this.#isSaid = false;
    this.#dropped = 0;
    this.#saidAt = performance.now();
    this.#listener.recovered(dropped);
  }

  #isQuiet(): boolean {
    return performance.now() - this.#saidAt < QUIET_MS;
  }
}

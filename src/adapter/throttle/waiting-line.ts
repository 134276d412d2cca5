import type { LoginAttempt } from './throttle.ts';

/** About how often a login's place and its origin have tried before. */
export interface TriesBefore {
  readonly place: number;
  readonly origin: number;
}

/** Whoever waits with the same login: it is one guess. */
interface Entry {
  readonly login: string;
  readonly origin: string;
  readonly place: string;
  tries: TriesBefore;
  /** Decides among equals. Drawn once, so that who comes once has the same chance as each of those who come often. */
  readonly lot: number;
  readonly waiting: Set<(entered: boolean) => void>;
}

/** A client that is told to come again may do so this often and is still as good as new. */
const TRIES_A_STEP = 3;

const step = (tries: number): number => Math.floor(tries / TRIES_A_STEP);

/** One that has hardly tried yet. */
export const isFresh = (tries: TriesBefore): boolean => step(tries.origin) === 0;

/**
 * Logins that wait for a place. Those are served first whose place and origin have tried least, and who is served among
 * equals is left to chance: whoever comes in great numbers gains nothing over somebody who comes once.
 */
export class WaitingLine {
  readonly #entries = new Map<string, Entry>();

  get length(): number {
    return this.#entries.size;
  }

  /** Resolves to false where it is time to give up, or no room is left. */
  wait(attempt: LoginAttempt, tries: TriesBefore, ms: number): Promise<boolean> {
    const entry = this.#entries.get(attempt.login) ?? {
      login: attempt.login,
      origin: attempt.origin,
      place: attempt.place,
      tries,
      lot: Math.random(),
      waiting: new Set(),
    };
    this.#entries.set(entry.login, entry);
    // Whoever took a seat when it was new here, and has tried on since, is new no more.
    for (const other of this.#entries.values()) if (other.origin === attempt.origin) other.tries = tries;
    return new Promise((resolve) => {
      const settle = (entered: boolean): void => {
        clearTimeout(timer);
        entry.waiting.delete(settle);
        resolve(entered);
      };
      const timer = setTimeout(() => {
        settle(false);
        if (entry.waiting.size === 0) this.#entries.delete(entry.login);
      }, ms);
      timer.unref();
      entry.waiting.add(settle);
    });
  }

  /** Lets the first login in, with all who wait with it. */
  admitFirst(admit: (login: string, origin: string, holders: number, tries: TriesBefore) => void): void {
    const [first] = this.#inOrder();
    if (!first) return;
    admit(first.login, first.origin, first.waiting.size, first.tries);
    this.#settle(first, true);
  }

  /** Refuses all but so many. */
  keep(max: number): void {
    if (this.#entries.size <= max) return;
    for (const entry of this.#inOrder().slice(max)) this.#settle(entry, false);
  }

  /** Refuses all but so many, one of each place. */
  keepOfEachPlace(max: number): void {
    const places = new Set<string>();
    for (const entry of this.#inOrder()) {
      if (places.size < max && !places.has(entry.place)) places.add(entry.place);
      else this.#settle(entry, false);
    }
  }

  /** The one to be served first stands first. */
  #inOrder(): Entry[] {
    // Of a place that many come from, the latest count is true of all.
    const places = new Map<string, number>();
    for (const { place, tries } of this.#entries.values())
      places.set(place, Math.max(places.get(place) ?? 0, step(tries.place)));
    const ofPlace = ({ place }: Entry): number => places.get(place) ?? 0;
    return [...this.#entries.values()].sort(
      (one, other) =>
        ofPlace(one) - ofPlace(other) || step(one.tries.origin) - step(other.tries.origin) || one.lot - other.lot,
    );
  }

  #settle(entry: Entry, entered: boolean): void {
    this.#entries.delete(entry.login);
    for (const settle of [...entry.waiting]) settle(entered);
  }
}

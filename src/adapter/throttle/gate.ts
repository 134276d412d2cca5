import type { LoginAttempt } from './throttle.ts';

/** A bound on the logins of one kind. Who enters it leaves it. */
export interface Gate {
  /** @param until when to stop waiting for a place, in milliseconds of the monotonic clock */
  enter(attempt: LoginAttempt, until: number): boolean | Promise<boolean>;
  /** @param counts the login is one of those that the gate bounds */
  leave(login: string, counts: boolean): void;
  retryAfterSeconds(): number;
  /** Somebody is in it or waits for it. */
  readonly busy: boolean;
  /** What would be lost if it were forgotten; 0 for nothing. */
  weight(): number;
}

/** Of this many, those with the least weight are forgotten. */
const MAX_GATES = 10_000;

/** What is left then. */
const KEPT = 0.75 * MAX_GATES;

/**
 * Gates by key. A crowd of new keys makes the table forget those that have counted least: whoever is shut out stays so.
 */
export class GateTable<Kind extends Gate> {
  readonly #gates = new Map<string, Kind>();
  readonly #create: (key: string) => Kind;

  constructor(create: (key: string) => Kind) {
    this.#create = create;
  }

  of(key: string): Kind {
    const known = this.#gates.get(key);
    if (known) return known;
    if (this.#gates.size >= MAX_GATES) this.#forget();
    const gate = this.#create(key);
    this.#gates.set(key, gate);
    return gate;
  }

  #forget(): void {
    const idle = [...this.#gates]
      .filter(([, gate]) => !gate.busy)
      .map(([key, gate]) => ({ key, weight: gate.weight() }));
    idle.sort((one, other) => one.weight - other.weight);
    for (const { key, weight } of idle) {
      if (weight > 0 && this.#gates.size <= KEPT) break;
      this.#gates.delete(key);
    }
  }
}

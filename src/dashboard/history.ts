import type { InstallationStats, TotalStats } from '../handler/stats.ts';
import { ALL, type Figures, figuresOf, statsIn, type View, viewOf } from './figures.ts';

const SECONDS = 300;

/** An answer of the gateway, and when it came, in milliseconds of the monotonic clock. */
export interface Answer {
  readonly at: number;
  readonly stats: InstallationStats;
}

/** Five minutes of figures for each view, and the last two answers whole. */
export class History {
  readonly #figures = new Map<View, Figures[]>();
  last: Answer | undefined;
  before: Answer | undefined;

  add(stats: InstallationStats): void {
    this.before = this.last;
    this.last = { at: performance.now(), stats };
    for (const view of [ALL, ...stats.backends.map(viewOf)]) this.#note(view);
  }

  of(view: View): readonly Figures[] {
    return this.#figures.get(view) ?? [];
  }

  /** What the last answer may be compared with. Sums over other processes than before are no growth. */
  beforeOf(view: View): TotalStats | undefined {
    if (view === ALL && !this.#sameBackends) return undefined;
    return this.before && statsIn(view, this.before.stats);
  }

  /** Between the last two answers, in seconds. */
  get elapsed(): number {
    return this.last && this.before ? (this.last.at - this.before.at) / 1000 : 0;
  }

  get #sameBackends(): boolean {
    const pidsOf = (answer: Answer | undefined): string => String(answer?.stats.backends.map(({ pid }) => pid));
    return pidsOf(this.last) === pidsOf(this.before);
  }

  #note(view: View): void {
    const now = this.last && statsIn(view, this.last.stats);
    const before = this.beforeOf(view);
    if (!now || !before) return;
    const at = Date.now() / 1000;
    const figures = figuresOf(at, this.elapsed, now, before);
    if (!figures) return;
    const kept = this.of(view).filter((each) => each.at > at - SECONDS);
    this.#figures.set(view, [...kept, figures]);
  }
}

import type { AppContext } from '../bindings.ts';
import { json } from './json.ts';

/** The state of this backend; the adapter knows what is in it. */
export type StatsSource = () => Readonly<Record<string, unknown>>;

/** GET /stats */
export function statsRoute(stats: StatsSource) {
  return (c: AppContext): Response => json(c, 200, stats());
}

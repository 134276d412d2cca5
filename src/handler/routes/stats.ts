import type { AppContext } from '../bindings.ts';
import { requestIdOf } from '../request-id.ts';

/** The state of this backend; the adapter knows what is in it. */
export type StatsSource = () => Readonly<Record<string, unknown>>;

/** GET /stats */
export function statsRoute(stats: StatsSource) {
  return (c: AppContext): Response =>
    new Response(JSON.stringify(stats()), {
      headers: {
        'Content-Type': 'application/json; charset=UTF-8',
        'Cache-Control': 'no-store',
        'X-Request-Id': requestIdOf(c.req.raw),
      },
    });
}

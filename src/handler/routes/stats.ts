import { type AppContext, targetOf } from '../bindings.ts';
import { problem } from '../problem.ts';
import { requestIdOf } from '../request-id.ts';
import type { Scope, StatsSource } from '../stats.ts';
import { queryOf } from '../target.ts';
import { json } from './json.ts';

/** GET /stats, and GET /stats?scope=all */
export function statsRoute(stats: StatsSource) {
  return scoped(async (c, scope) => json(c, 200, scope === 'all' ? await stats.installation() : stats.backend()));
}

/** GET /metrics, and GET /metrics?scope=all */
export function metricsRoute(stats: StatsSource) {
  return scoped(async (c, scope) => {
    const { contentType, text } = await stats.metrics(scope);
    const headers = {
      'Content-Type': contentType,
      'Cache-Control': 'no-store',
      'X-Request-Id': requestIdOf(c),
    };
    return new Response(text, { headers });
  });
}

type ScopedRoute = (c: AppContext, scope: Scope) => Promise<Response>;

function scoped(route: ScopedRoute) {
  return (c: AppContext): Response | Promise<Response> => {
    const scope = new URLSearchParams(queryOf(targetOf(c.req.raw, c.env) ?? '')).get('scope') ?? '';
    if (scope === '' || scope === 'all') return route(c, scope === 'all' ? 'all' : 'backend');
    const errors = [{ field: 'scope', message: 'expected all, or nothing for this backend' }];
    return problem('malformed-request', { requestId: requestIdOf(c), errors });
  };
}

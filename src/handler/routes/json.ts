import type { AppContext } from '../bindings.ts';
import { requestIdOf } from '../request-id.ts';

/** What is true now, as JSON that nobody may keep. */
export function json(c: AppContext, status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/json; charset=UTF-8',
      'Cache-Control': 'no-store',
      'X-Request-Id': requestIdOf(c),
    },
  });
}

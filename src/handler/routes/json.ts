import type { AppContext } from '../bindings.ts';
import { requestIdOf } from '../request-id.ts';

/** What is true now, as JSON that nobody may keep. */
export const json = (c: AppContext, status: number, body: unknown): Response =>
  jsonResponse(c, status, JSON.stringify(body));

/** As `json`, of a text or of its bytes. */
export function jsonResponse(c: AppContext, status: number, text: string | Uint8Array<ArrayBuffer>): Response {
  return new Response(text, {
    status,
    headers: {
      'Content-Type': 'application/json; charset=UTF-8',
      'Cache-Control': 'no-store',
      'X-Request-Id': requestIdOf(c),
    },
  });
}

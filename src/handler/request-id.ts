import { type AppContext, headerOf, newRequestId } from './bindings.ts';

/** What a request id looks like. */
export const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's `X-Request-Id`, or a new one where it sent none that is fit for logs and headers. */
export function requestIdOf(c: AppContext): string {
  const given = headerOf(c, 'x-request-id');
  return given !== null && REQUEST_ID.test(given) ? given : newRequestId(c);
}

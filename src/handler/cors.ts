import { Context, type Hono } from 'hono';
import { type AppContext, type Bindings, headerOf } from './bindings.ts';
import { requestIdOf } from './request-id.ts';

/** What a page of another origin may read of an answer, beside what every answer lets it read. */
const EXPOSED = 'Retry-After, Statelessd-Error, Statelessd-Unrouted, X-Request-Id';

/** How long a browser may remember that it may publish, in seconds. */
const MAX_AGE = '600';

/**
 * Lets pages of `HTTPServer.origins` publish with scripts: their browsers ask first, and then want to be told that the
 * page may read the answer. @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function answerOrigins(app: Hono<{ Bindings: Bindings }>, origins: readonly string[]): void {
  const { fetch } = app;
  app.fetch = async (request, ...more) => {
    const origin = request.headers.get('origin');
    const asks = request.method === 'OPTIONS' && request.headers.get('access-control-request-method') === 'POST';
    if (origin === null || !origins.includes(origin) || !(asks || request.method === 'POST'))
      return fetch(request, ...more);
    const response = asks ? preflight(new Context(request, { env: more[0] ?? {} })) : await fetch(request, ...more);
    response.headers.set('Access-Control-Allow-Origin', origin);
    response.headers.set('Access-Control-Allow-Credentials', 'true');
    response.headers.set('Access-Control-Expose-Headers', EXPOSED);
    response.headers.append('Vary', 'Origin');
    return response;
  };
}

function preflight(c: AppContext): Response {
  const headers = headerOf(c, 'access-control-request-headers');
  return new Response(null, {
    status: 204,
    headers: {
      'X-Request-Id': requestIdOf(c),
      'Access-Control-Allow-Methods': 'POST',
      'Access-Control-Max-Age': MAX_AGE,
      ...(headers !== null && { 'Access-Control-Allow-Headers': headers }),
    },
  });
}

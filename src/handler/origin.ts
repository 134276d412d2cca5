import { type AppContext, headerOf } from './bindings.ts';

/**
 * Whether a request comes from a web page of another site, which must not publish with the credentials that its
 * visitor's browser keeps for the gateway. Clients that are no browsers send neither header.
 *
 * @param allowed origins that may publish, as `HTTPServer.origins` lists them
 * @see https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
 */
export function isCrossSite(c: AppContext, allowed: readonly string[]): boolean {
  const origin = headerOf(c, 'origin');
  const site = headerOf(c, 'sec-fetch-site');
  if (origin === null) return site === 'cross-site';
  if (allowed.includes(origin)) return false;
  return site === 'cross-site' || hostOf(origin) !== headerOf(c, 'host')?.toLowerCase();
}

/** Behind a proxy that ends TLS the scheme differs; the host must not. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1]?.toLowerCase();
}

import { type AppContext, headerOf, headersFrom } from './bindings.ts';
import { isOwnHost } from './host.ts';

export interface SiteSettings {
  /** Web origins that may publish, as `HTTPServer.origins` lists them. */
  readonly origins: readonly string[];
  /** Names under which browsers may come, beside addresses and localhost. */
  readonly hosts: readonly string[];
}

/** A request that a web page made, or may have made, with what its visitor's browser knows and can reach. */
interface BrowserRequest {
  readonly origin: string | null;
  /** @see https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site */
  readonly site: string | undefined;
}

/** Undefined where no browser made it. Browsers send the fetch metadata to some addresses, and an origin with some requests. */
function browserRequestOf(c: AppContext): BrowserRequest | undefined {
  const origin = headerOf(c, 'origin');
  const metadata = headersFrom(c, 'sec-fetch-');
  const isBrowsers = origin !== null || (metadata !== undefined && !isNodes(metadata));
  if (!isBrowsers && !headerOf(c, 'user-agent')?.startsWith('Mozilla/')) return undefined;
  return { origin, site: metadata?.get('sec-fetch-site') };
}

/** Node's `fetch` sends the mode alone. Browsers send all of the metadata or none. */
const isNodes = (metadata: ReadonlyMap<string, string>): boolean =>
  metadata.size === 1 && metadata.get('sec-fetch-mode') === 'cors';

const OTHER_SITE = 'pages of other sites may publish where HTTPServer.origins lists them';

/**
 * Why a request may not publish: it comes from a web page of another site, which must not publish with the credentials
 * that its visitor's browser keeps for the gateway.
 */
export function crossSiteFault(c: AppContext, { origins, hosts }: SiteSettings): string | undefined {
  const request = browserRequestOf(c);
  if (!request) return undefined;
  const { origin, site } = request;
  if (origin !== null && origins.includes(origin)) return undefined;
  const host = headerOf(c, 'host');
  if (site === 'cross-site' || (origin !== null && hostOf(origin) !== host?.toLowerCase())) return OTHER_SITE;
  return foreignHostFault(host, hosts);
}

/** Why a request may not see what is for operators: a page of a foreign name would read it. */
export function operatorsFault(c: AppContext, hosts: readonly string[]): string | undefined {
  return browserRequestOf(c) && foreignHostFault(headerOf(c, 'host'), hosts);
}

const foreignHostFault = (host: string | null, hosts: readonly string[]): string | undefined =>
  isOwnHost(host, hosts)
    ? undefined
    : `browsers may come under an address, localhost, this machine's name, or a name in HTTPServer.hosts; Host is ${JSON.stringify(host ?? '')}`;

/** Behind a proxy that ends TLS the scheme differs; the host must not. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1]?.toLowerCase();
}

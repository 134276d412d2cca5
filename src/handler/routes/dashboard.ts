import type { AppContext } from '../bindings.ts';
import { problem } from '../problem.ts';
import { requestIdOf } from '../request-id.ts';

export interface Asset {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** The dashboard's page and what it loads. An operator may have put others in their place. */
export interface Assets {
  page(): Promise<Asset & { readonly builtIn: boolean }>;
  /** @param name as in the path after `/static/`; no part of it begins with a dot */
  file(name: string): Promise<Asset | undefined>;
}

/** Nothing on the built-in page comes from elsewhere. Of another's page that cannot be known. */
const BUILT_IN_POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const OTHER_POLICY = "frame-ancestors 'none'";

/** GET / */
export function dashboardRoute(assets: Assets) {
  return async (c: AppContext): Promise<Response> => {
    const page = await assets.page();
    return served(c, page, {
      'Content-Security-Policy': page.builtIn ? BUILT_IN_POLICY : OTHER_POLICY,
      // For browsers that do not know frame-ancestors.
      'X-Frame-Options': 'DENY',
    });
  };
}

/** GET /static/<name> */
export function assetRoute(assets: Assets) {
  return async (c: AppContext): Promise<Response> => {
    const asset = await assets.file(c.req.param('0') ?? '');
    return asset ? served(c, asset) : problem('no-such-path', { requestId: requestIdOf(c) });
  };
}

/** GET /favicon.ico: an operator's own, or the page's. */
export function faviconRoute(assets: Assets) {
  return async (c: AppContext): Promise<Response> => {
    const asset = (await assets.file('favicon.ico')) ?? (await assets.file('icon.svg'));
    return asset ? served(c, asset) : problem('no-such-path', { requestId: requestIdOf(c) });
  };
}

function served(c: AppContext, { bytes, contentType }: Asset, headers: Record<string, string> = {}): Response {
  return new Response(bytes, {
    headers: {
      'Content-Type': contentType,
      'Cache-Control': 'no-cache',
      'X-Request-Id': requestIdOf(c),
      ...headers,
    },
  });
}

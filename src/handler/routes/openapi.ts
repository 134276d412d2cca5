import type { AppContext } from '../bindings.ts';
import type { OpenApiSettings } from '../openapi/document.ts';
import type { Route } from '../router.ts';
import { jsonResponse } from './json.ts';

/** GET /openapi.json: the contract for machines. It is made when first asked for, and all answers share its bytes. */
export function openApiRoute(settings: OpenApiSettings, routes: readonly Route[]) {
  let document: Uint8Array<ArrayBuffer> | undefined;
  return async (c: AppContext): Promise<Response> => {
    // Loaded no sooner, for a start should not wait for it.
    const { createOpenApi } = await import('../openapi/document.ts');
    document ??= new TextEncoder().encode(JSON.stringify(createOpenApi(settings, routes)));
    return jsonResponse(c, 200, document);
  };
}

import type { AppContext } from '../bindings.ts';
import type { OpenApiDocument, OpenApiSettings } from '../openapi/document.ts';
import type { Route } from '../router.ts';
import { json } from './json.ts';

/** GET /openapi.json: the contract for machines. It is made when first asked for. */
export function openApiRoute(settings: OpenApiSettings, routes: readonly Route[]) {
  let document: OpenApiDocument | undefined;
  return async (c: AppContext): Promise<Response> => {
    // Loaded no sooner, for a start should not wait for it.
    const { createOpenApi } = await import('../openapi/document.ts');
    document ??= createOpenApi(settings, routes);
    return json(c, 200, document);
  };
}

import * as v from 'valibot';
import { type AppContext, isOperator } from '../bindings.ts';
import { operatorsFault } from '../origin.ts';
import type { ReadinessSource } from '../readiness.ts';
import { json } from './json.ts';

export const healthDocument = v.object({ status: v.literal('ok') });

const HEALTH: v.InferOutput<typeof healthDocument> = { status: 'ok' };

/** GET /healthz: the process lives and its event loop turns. */
export function healthRoute() {
  return (c: AppContext): Response => json(c, 200, HEALTH);
}

/** GET /readyz: 503 tells a load balancer to send requests elsewhere. */
export function readyRoute(readiness: ReadinessSource, hosts: readonly string[]) {
  return (c: AppContext): Response => {
    const state = readiness();
    const forOperators = isOperator(c) && operatorsFault(c, hosts) === undefined;
    return json(c, state.ready ? 200 : 503, forOperators ? state : { ...state, unreachable: [] });
  };
}

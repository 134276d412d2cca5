import * as v from 'valibot';
import type { AppContext } from '../bindings.ts';
import { json } from './json.ts';

/** Whether requests should be sent here, and why not. */
export const readinessDocument = v.object({
  ready: v.boolean(),
  draining: v.boolean(),
  broker: v.pipe(
    v.picklist(['connected', 'reachable', 'unreachable']),
    v.description('connected: a connection is open. reachable: none is, and one could be opened'),
  ),
  blocked: v.pipe(v.nullable(v.string()), v.description('why the broker takes no messages at the moment')),
  reason: v.pipe(v.string(), v.description('in words, for a person')),
});

export type Readiness = Readonly<v.InferOutput<typeof readinessDocument>>;

export type ReadinessSource = () => Readiness;

export const healthDocument = v.object({ status: v.literal('ok') });

const HEALTH: v.InferOutput<typeof healthDocument> = { status: 'ok' };

/** GET /healthz: the process lives and its event loop turns. */
export function healthRoute() {
  return (c: AppContext): Response => json(c, 200, HEALTH);
}

/** GET /readyz: 503 tells a load balancer to send requests elsewhere. */
export function readyRoute(readiness: ReadinessSource) {
  return (c: AppContext): Response => {
    const state = readiness();
    return json(c, state.ready ? 200 : 503, state);
  };
}

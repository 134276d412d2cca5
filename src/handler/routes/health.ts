import type { AppContext } from '../bindings.ts';
import { json } from './json.ts';

/** Whether requests should be sent here, and why not. */
export interface Readiness {
  readonly ready: boolean;
  readonly draining: boolean;
  /** `connected`: a connection is open. `reachable`: none is, and one could be opened. */
  readonly broker: 'connected' | 'reachable' | 'unreachable';
  /** Why the broker takes no messages at the moment. */
  readonly blocked: string | null;
  /** In words, for a person. */
  readonly reason: string;
}

export type ReadinessSource = () => Readiness;

/** GET /healthz: the process lives and its event loop turns. */
export function healthRoute() {
  return (c: AppContext): Response => json(c, 200, { status: 'ok' });
}

/** GET /readyz: 503 tells a load balancer to send requests elsewhere. */
export function readyRoute(readiness: ReadinessSource) {
  return (c: AppContext): Response => {
    const state = readiness();
    return json(c, state.ready ? 200 : 503, state);
  };
}

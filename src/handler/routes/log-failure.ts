import { type AppContext, clientOf, headerOf } from '../bindings.ts';
import { claimedUser, parseAuthorization } from '../credentials.ts';
import type { Log } from '../log.ts';

/** What finds again a request whose message, or not all of whose messages, were published. */
export interface Failure {
  readonly requestId: string;
  /** Where it was to go, if that could be read. */
  readonly addressed: { readonly ok: true; readonly address: Place } | { readonly ok: false };
  readonly status: number;
  /** As the header `Statelessd-Error` has it. */
  readonly outcome: string | undefined;
}

interface Place {
  readonly vhost: string;
  readonly exchange?: string | undefined;
  readonly routingKey?: string | undefined;
}

/** One line for each such request. */
export function logFailure(log: Log, c: AppContext, { requestId, addressed, status, outcome }: Failure): void {
  const credentials = parseAuthorization(headerOf(c, 'authorization'));
  const address = addressed.ok ? addressed.address : undefined;
  log(status >= 500 ? 'error' : 'warning', 'not published', {
    request_id: requestId,
    vhost: address?.vhost,
    user: credentials && claimedUser(credentials),
    exchange: address?.exchange,
    routing_key: address?.routingKey,
    status,
    outcome,
    // For programs that watch the log and shut out who guesses passwords, such as fail2ban.
    client: status === 401 || status === 429 ? clientOf(c).address : undefined,
  });
}

import { BEARER_CHALLENGE, challengeFor } from '../credentials.ts';
import { PROBLEM_TYPES, problemOf } from '../problem.ts';
import type { Credentials, Published, PublishFailure, PublishFailureKind, PublishOutcome } from '../publisher.ts';
import type { Fault, Reason } from './properties.ts';

/** An answer as the management plugin words it; what it has no words for has the gateway's, in the same form. */
export interface ManagedAnswer {
  readonly status: number;
  readonly body?: { readonly routed: boolean } | { readonly error: string; readonly reason: Reason };
  /** What the header `Statelessd-Error` says, where something went wrong. */
  readonly failure?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="RabbitMQ Management"' };

export function answerOutcome(outcome: PublishOutcome, credentials: Credentials): ManagedAnswer {
  return outcome.kind === 'confirmed'
    ? { status: 200, body: { routed: outcome.routed } }
    : answerFailure(outcome, credentials);
}

/**
 * The plugin has a 401 for a vhost, and a 400 for whatever the broker says of the message. It has no challenge for a
 * refused token, or that of Basic; RFC 6750 wants Bearer's.
 */
export function answerFailure(
  { kind, detail = '', published, retryAfterSeconds }: PublishFailure,
  credentials: Credentials,
): ManagedAnswer {
  const failure = failureOf(PROBLEM_TYPES[kind].slug, published);
  switch (kind) {
    case 'login-refused':
      return {
        ...refused(401, 'not_authorized', 'Login failed', failure),
        headers: challengeFor(credentials) === BEARER_CHALLENGE ? { 'WWW-Authenticate': BEARER_CHALLENGE } : CHALLENGE,
      };
    case 'vhost-not-found':
      return refused(401, 'not_authorised', 'Access refused.', failure);
    case 'vhost-refused':
      return refused(401, 'not_authorised', 'User not authorised to access virtual host', failure);
    case 'exchange-not-found':
    case 'publish-refused':
    case 'message-invalid':
    case 'message-too-large':
      return refused(400, 'bad_request', withReplyCode(detail), failure);
    case 'message-rejected':
      return refused(400, 'bad_request', 'rejected Unable to publish message. Check queue limits.', failure);
    case 'confirm-timeout':
      return refused(400, 'bad_request', CONFIRM_TIMEOUT, failure);
    default:
      return { ...ownWords(kind, detail, failure), ...retryAfter(kind, published, retryAfterSeconds) };
  }
}

/** RabbitMQ's own since 4.2.9 and 4.3.3; older ones wait for the confirm without end. */
const CONFIRM_TIMEOUT =
  'confirm_timeout Timed out waiting for a publisher confirm. The message may still have been enqueued. ' +
  'Check the health of the queues bound to this exchange.';

function ownWords(kind: PublishFailureKind, detail: string, failure: string): ManagedAnswer {
  const { slug, status, title } = PROBLEM_TYPES[kind];
  return refused(status, slug, detail || title, failure);
}

function retryAfter(kind: PublishFailureKind, published: Published, seconds = PROBLEM_TYPES[kind].retryAfter) {
  return published === 'no' && seconds !== undefined ? { headers: { 'Retry-After': String(seconds) } } : {};
}

const REPLY_CODES: Readonly<Record<string, number>> = {
  ACCESS_REFUSED: 403,
  CONTENT_TOO_LARGE: 311,
  NOT_FOUND: 404,
  PRECONDITION_FAILED: 406,
};

/** Erlang's client puts the code before the text. */
function withReplyCode(text: string): string {
  const code = REPLY_CODES[text.split(' ', 1)[0] ?? ''];
  return code === undefined ? text : `${code} ${text}`;
}

/** What cannot be published as it was asked for. */
export function answerFault(fault: Fault): ManagedAnswer {
  const failure = failureOf('invalid-property', 'no');
  return fault.kind === 'crash' ? { status: 500, failure } : refused(400, 'bad_request', fault.reason, failure);
}

/** What was wrong with the request itself. */
export function answerProblem(response: Response): ManagedAnswer {
  const problem = problemOf(response);
  if (!problem) return { status: response.status };
  const { body, headers } = problem;
  const failure = headers['Statelessd-Error'] ?? '';
  if (body.status === 401) return { status: 401, failure, headers: CHALLENGE };
  if (body.status === 413) return refused(400, 'bad_request', 'Exceeded HTTP request body size limit', failure);
  const reason =
    body.detail ?? body.errors?.map(({ field, message }) => `${field}: ${message}`).join('; ') ?? body.title;
  return refused(body.status, body.status === 400 ? 'bad_request' : body.type, reason, failure);
}

const refused = (status: number, error: string, reason: Reason, failure: string): ManagedAnswer => ({
  status,
  body: { error, reason },
  failure,
});

const failureOf = (slug: string, published: Published): string => `${slug}; published=${published}`;

export function toResponse({ status, body, failure, headers }: ManagedAnswer, requestId: string): Response {
  return new Response(body === undefined ? null : JSON.stringify(body), {
    status,
    headers: {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(failure !== undefined && { 'Statelessd-Error': failure }),
      'X-Request-Id': requestId,
      ...headers,
    },
  });
}

import { ACCEPTED_CODINGS } from './content-coding.ts';
import { BASIC_CHALLENGE, challengeFor } from './credentials.ts';
import type { FieldError } from './message/fields.ts';
import type { BatchResult, ProblemDocument } from './problem-document.ts';
import type { Credentials, PublishFailure, PublishFailureKind } from './publisher.ts';

export interface ProblemType {
  readonly slug: string;
  readonly status: number;
  readonly title: string;
  /** Seconds after which a retry makes sense, where nothing was written. */
  readonly retryAfter?: number;
}

/** What the handler itself finds wrong with a request. */
export type RequestProblemKind =
  | 'malformed-request'
  | 'invalid-property'
  | 'unauthenticated'
  | 'cross-site'
  | 'operations-refused'
  | 'no-such-path'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'expectation-failed'
  | 'unsupported-transfer-coding'
  | 'headers-too-large'
  | 'body-too-large'
  | 'unsupported-encoding'
  | 'invalid-batch'
  | 'batch-too-large'
  | BatchProblemKind
  | 'internal';

/** A batch of which not every message was confirmed: all others were refused, some may be retried, or some are unknown. */
export type BatchProblemKind = 'batch-refused' | 'batch-retriable' | 'batch-unknown';

export type ProblemKind = RequestProblemKind | PublishFailureKind;

const INCOMPLETE = 'Not all messages of the batch were confirmed';

/** Every error there is. */
export const PROBLEM_TYPES: Readonly<Record<ProblemKind, ProblemType>> = {
  'malformed-request': { slug: 'malformed-request', status: 400, title: 'The request is malformed' },
  'invalid-property': { slug: 'invalid-property', status: 400, title: 'The message is invalid' },
  'invalid-batch': { slug: 'invalid-batch', status: 400, title: 'A message of the batch is invalid' },
  'message-invalid': { slug: 'invalid-property', status: 400, title: 'The broker finds the message invalid' },
  unauthenticated: { slug: 'unauthenticated', status: 401, title: 'Credentials are required' },
  'login-refused': { slug: 'unauthenticated', status: 401, title: 'The broker refused the credentials' },
  'vhost-refused': { slug: 'vhost-refused', status: 403, title: 'The user may not use this vhost' },
  'publish-refused': { slug: 'publish-refused', status: 403, title: 'The broker refused the message to this user' },
  'cross-site': { slug: 'cross-site', status: 403, title: 'Pages of other sites may not do this' },
  'operations-refused': { slug: 'operations-refused', status: 403, title: 'This page is not for this address' },
  'vhost-not-found': { slug: 'vhost-not-found', status: 404, title: 'There is no such vhost' },
  'exchange-not-found': { slug: 'exchange-not-found', status: 404, title: 'There is no such exchange' },
  unroutable: { slug: 'unroutable', status: 404, title: 'No queue takes the message' },
  'no-such-path': { slug: 'no-such-path', status: 404, title: 'There is nothing at this path' },
  'method-not-allowed': { slug: 'method-not-allowed', status: 405, title: 'The method is not allowed here' },
  'request-timeout': { slug: 'request-timeout', status: 408, title: 'The request did not arrive in time' },
  'body-too-large': { slug: 'body-too-large', status: 413, title: 'The request body is too large' },
  'message-too-large': { slug: 'body-too-large', status: 413, title: 'The message is too large for the broker' },
  'unsupported-encoding': { slug: 'unsupported-encoding', status: 415, title: 'The content coding is not known' },
  'batch-too-large': { slug: 'body-too-large', status: 413, title: 'The batch has too many messages' },
  'batch-refused': { slug: 'batch-incomplete', status: 422, title: INCOMPLETE },
  'batch-retriable': { slug: 'batch-incomplete', status: 503, title: INCOMPLETE },
  'batch-unknown': { slug: 'batch-incomplete', status: 504, title: INCOMPLETE },
  'expectation-failed': { slug: 'expectation-failed', status: 417, title: 'The expectation cannot be met' },
  'too-many-failed-logins': {
    slug: 'too-many-failed-logins',
    status: 429,
    title: 'Too many logins were refused',
    retryAfter: 60,
  },
  'headers-too-large': { slug: 'headers-too-large', status: 431, title: 'The request headers are too large' },
  'client-gone': { slug: 'client-gone', status: 499, title: 'The client went away' },
  internal: { slug: 'internal', status: 500, title: 'Something is wrong with the gateway' },
  'unsupported-transfer-coding': {
    slug: 'unsupported-transfer-coding',
    status: 501,
    title: 'The transfer coding is not supported',
  },
  'broker-unavailable': {
    slug: 'broker-unavailable',
    status: 503,
    title: 'The broker cannot be reached',
    retryAfter: 1,
  },
  'broker-blocked': { slug: 'broker-blocked', status: 503, title: 'The broker takes no messages now', retryAfter: 5 },
  'broker-limit': { slug: 'broker-limit', status: 503, title: 'A limit of the broker is reached', retryAfter: 1 },
  overloaded: { slug: 'overloaded', status: 503, title: 'The gateway is overloaded', retryAfter: 1 },
  'shutting-down': { slug: 'shutting-down', status: 503, title: 'The gateway is shutting down', retryAfter: 1 },
  'message-rejected': { slug: 'message-rejected', status: 503, title: 'A queue rejected the message' },
  'broker-error': { slug: 'broker-error', status: 502, title: 'The broker failed over the message' },
  'confirm-timeout': { slug: 'confirm-timeout', status: 504, title: 'The broker did not confirm in time' },
};

/** The `type` of a problem. */
export const typeOf = (slug: string): string => `urn:statelessd:${slug}`;

export interface ProblemDetails {
  readonly requestId: string;
  readonly detail?: string;
  readonly published?: ProblemDocument['published'];
  readonly errors?: readonly (FieldError & { readonly index?: number })[];
  readonly results?: readonly BatchResult[];
  readonly headers?: Readonly<Record<string, string>>;
  /** The bug that it stands for. */
  readonly error?: Error;
}

/**
 * A problem document (RFC 9457), and the same in the header `Statelessd-Error` for clients that never see the body of
 * an error, such as PHP's under CURLOPT_FAILONERROR.
 */
export function problem(kind: ProblemKind, details: ProblemDetails): Response {
  const { slug, status, title, retryAfter } = PROBLEM_TYPES[kind];
  const { requestId, detail, errors, results, published = 'no' } = details;
  const body: ProblemDocument = {
    type: typeOf(slug),
    title,
    status,
    ...(detail !== undefined && { detail }),
    published,
    request_id: requestId,
    ...(errors && { errors }),
    ...(results && { results }),
  };
  const headers: Record<string, string> = {
    'Content-Type': 'application/problem+json',
    'Statelessd-Error': `${slug}; published=${published}`,
    'X-Request-Id': requestId,
    ...(status === 401 && { 'WWW-Authenticate': BASIC_CHALLENGE }),
    ...(status === 415 && { 'Accept-Encoding': ACCEPTED_CODINGS }),
    ...(retryAfter !== undefined && published === 'no' && { 'Retry-After': String(retryAfter) }),
    ...details.headers,
  };
  const response = new Response(JSON.stringify(body), { status, headers });
  problems.set(response, { body, headers, found: details.error ?? new Error(title) });
  return response;
}

/** Reading a response's headers would make them what the Fetch standard wants: names in lower case, and slow. */
const problems = new WeakMap<Response, Problem>();

export interface Problem {
  readonly body: ProblemDocument;
  readonly headers: Readonly<Record<string, string>>;
  /** Where it was found out. */
  readonly found: Error;
}

/** What a response that is a problem was made of. */
export const problemOf = (response: Response): Problem | undefined => problems.get(response);

/** What the `Statelessd-Error` header of a problem says. */
export function outcomeOf(response: Response): string | undefined {
  return problems.get(response)?.headers['Statelessd-Error'];
}

/** `Application.debug`: the same problem, and the stack of where it was found out. */
export function withStack(response: Response): Response {
  const known = problems.get(response);
  if (!known) return response;
  const body: ProblemDocument = { ...known.body, stack: String(known.found.stack) };
  return new Response(JSON.stringify(body), { status: response.status, headers: known.headers });
}

/** @param credentials those of the request, which say what a refused login is told */
export function failureProblem(
  failure: PublishFailure,
  requestId: string,
  credentials: Credentials,
  headers?: Record<string, string>,
): Response {
  const { kind, detail, published, retryAfterSeconds } = failure;
  return problem(kind, {
    requestId,
    published,
    ...(detail !== undefined && { detail }),
    headers: {
      ...(kind === 'login-refused' && { 'WWW-Authenticate': challengeFor(credentials) }),
      ...headers,
      ...(retryAfterSeconds !== undefined && { 'Retry-After': String(retryAfterSeconds) }),
    },
  });
}

import { type AppContext, clientOf, headerOf } from '../bindings.ts';
import type { BodyLimit, BodyOutcome } from '../body.ts';
import { parseAuthorization } from '../credentials.ts';
import type { FieldError } from '../message/fields.ts';
import { isIdentity } from '../message/form.ts';
import { isCrossSite } from '../origin.ts';
import { type Preferences, parsePrefer } from '../prefer.ts';
import { failureProblem, type ProblemDetails, type ProblemKind, problem } from '../problem.ts';
import type { Admission, AdmissionRequest, Credentials, PublishFailure } from '../publisher.ts';

/** What every way to publish has in common: what is judged before the body is read, and how it is read. */

export interface PostSettings {
  readonly maxBodySizeBytes: number;
  /** Web origins that may publish. */
  readonly origins: readonly string[];
}

/** A refusal before the body was read: the client need not send the rest of it. */
const CLOSE = { Connection: 'close' };

/** The answer to a request that goes no further, or what was found out about it. */
export type Step<Value> = { readonly done: Response } | { readonly next: Value };

export interface Judged<A> {
  readonly address: A;
  readonly credentials: Credentials;
  /** Bytes that the request announces. */
  readonly size: number;
  readonly preferences: Preferences;
}

type AddressResult<A> =
  | { readonly ok: true; readonly address: A }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/**
 * What the request line and the headers tell.
 *
 * @param structured the body has a structure, and may not be compressed
 */
export function judgePost<A>(
  c: AppContext,
  requestId: string,
  settings: PostSettings,
  addressed: AddressResult<A>,
  structured: boolean,
): Step<Judged<A>> {
  const refuse = (kind: ProblemKind, details?: RefusalDetails) => ({ done: refusal(kind, requestId, details) });
  if (isCrossSite(c, settings.origins)) return refuse('cross-site');
  if (!addressed.ok) return refuse('malformed-request', { errors: addressed.errors });
  const credentials = parseAuthorization(headerOf(c, 'authorization'));
  if (!credentials) return refuse('unauthenticated', { detail: 'expected HTTP Basic credentials in UTF-8, or Bearer' });
  if (structured && !isIdentity(headerOf(c, 'content-encoding'))) return refuse('unsupported-encoding');
  const size = Number(headerOf(c, 'content-length') ?? 0);
  if (size > settings.maxBodySizeBytes) return refuse('body-too-large', tooLarge(settings));
  const preferences = parsePrefer(headerOf(c, 'prefer'));
  return { next: { address: addressed.address, credentials, size, preferences } };
}

/** What a judged request asks for. */
export function admissionRequest(
  c: AppContext,
  { address, credentials, size, preferences }: Judged<{ readonly vhost: string }>,
): AdmissionRequest {
  return { credentials, vhost: address.vhost, client: clientOf(c), size, patient: preferences.respondAsync };
}

export const refuseAdmission = (failure: PublishFailure, requestId: string, credentials: Credentials): Response =>
  failureProblem(failure, requestId, credentials, CLOSE);

export const bodyLimit = (admission: Admission, announced: number, { maxBodySizeBytes }: PostSettings): BodyLimit => ({
  maxBytes: maxBodySizeBytes,
  reserved: announced,
  reserve: (bytes) => admission.reserve(bytes),
});

type NoBody = Exclude<BodyOutcome, { readonly kind: 'body' }>;

/** The answer to a request whose body did not come, or may not. */
export function refuseBody(read: NoBody, requestId: string, settings: PostSettings): Response {
  switch (read.kind) {
    case 'too-large':
      return refusal('body-too-large', requestId, tooLarge(settings));
    case 'no-room':
      return refusal('overloaded', requestId, { detail: 'too many bytes of messages are in memory' });
    case 'timed-out':
      return refusal('request-timeout', requestId);
    case 'malformed':
      return refusal('malformed-request', requestId, { detail: 'the request body is broken' });
    case 'aborted':
      return refusal('client-gone', requestId);
  }
}

type RefusalDetails = Omit<ProblemDetails, 'requestId' | 'headers'>;

const refusal = (kind: ProblemKind, requestId: string, details: RefusalDetails = {}): Response =>
  problem(kind, { requestId, ...details, headers: CLOSE });

const tooLarge = ({ maxBodySizeBytes }: PostSettings): RefusalDetails => ({
  detail: `expected at most ${maxBodySizeBytes} bytes`,
});

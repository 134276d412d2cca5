import { type AppContext, clientOf, headerOf, readBodyOf } from '../bindings.ts';
import type { BodyLimit } from '../body.ts';
import { ACCEPTED_CODINGS, type ContentCoding, type DecodedBody, decodeBody } from '../content-coding.ts';
import { parseAuthorization } from '../credentials.ts';
import type { FieldError } from '../message/fields.ts';
import { crossSiteFault, type SiteSettings } from '../origin.ts';
import { type Preferences, parsePrefer } from '../prefer.ts';
import { failureProblem, type ProblemDetails, type ProblemKind, problem } from '../problem.ts';
import type { Admission, AdmissionRequest, Credentials, PublishFailure } from '../publisher.ts';
import { contentOf, type ExpectedContent } from './content.ts';

/** What every way to publish has in common: what is judged before the body is read, and how it is read. */

export interface PostSettings extends SiteSettings {
  readonly maxBodySizeBytes: number;
}

/** The answer to a request that goes no further, or what was found out about it. */
export type Step<Value> = { readonly done: Response } | { readonly next: Value };

export interface Judged<A> {
  readonly address: A;
  readonly credentials: Credentials;
  /** Bytes that the request announces. */
  readonly size: number;
  readonly preferences: Preferences;
  /** What the body is to be freed of before it is read. */
  readonly coding: ContentCoding | undefined;
}

type AddressResult<A> =
  | { readonly ok: true; readonly address: A }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** What the request line and the headers tell. */
export function judgePost<A>(
  c: AppContext,
  requestId: string,
  settings: PostSettings,
  addressed: AddressResult<A>,
  expected: ExpectedContent,
): Step<Judged<A>> {
  const refuse = (kind: ProblemKind, details?: RefusalDetails) => ({ done: refusal(kind, requestId, details) });
  const crossSite = crossSiteFault(c, settings);
  if (crossSite !== undefined) return refuse('cross-site', { detail: crossSite });
  if (!addressed.ok) return refuse('malformed-request', { errors: addressed.errors });
  const credentials = parseAuthorization(headerOf(c, 'authorization'));
  if (!credentials) return refuse('unauthenticated', { detail: 'expected HTTP Basic credentials in UTF-8, or Bearer' });
  const content = contentOf(c, expected);
  if (content.kind === 'not-one-type') return refuse('malformed-request', notOneType(content.message));
  if (content.kind === 'unknown-coding') return refuse('unsupported-encoding', UNKNOWN_CODING);
  const size = Number(headerOf(c, 'content-length') ?? 0);
  if (size > settings.maxBodySizeBytes) return refuse('body-too-large', tooLarge(settings));
  const preferences = parsePrefer(headerOf(c, 'prefer'));
  return { next: { address: addressed.address, credentials, size, preferences, coding: content.coding } };
}

/** What a judged request asks for. */
export function admissionRequest(
  c: AppContext,
  { address, credentials, size, preferences }: Judged<{ readonly vhost: string }>,
): AdmissionRequest {
  return { credentials, vhost: address.vhost, client: clientOf(c), size, patient: preferences.respondAsync };
}

export const refuseAdmission = (failure: PublishFailure, requestId: string, credentials: Credentials): Response =>
  failureProblem(failure, requestId, credentials);

/** Reads the body of a judged request, without its coding. */
export function readPost(
  c: AppContext,
  { coding }: Judged<unknown>,
  admission: Admission,
  settings: PostSettings,
): Promise<DecodedBody> {
  const limit: BodyLimit = {
    maxBytes: settings.maxBodySizeBytes,
    reserve: (bytes) => admission.reserve(bytes),
  };
  return coding === undefined ? readBodyOf(c, limit) : readCoded(c, coding, admission, limit);
}

/** Both are held: what came, until it is decoded, and what that becomes. */
async function readCoded(
  c: AppContext,
  coding: ContentCoding,
  admission: Admission,
  limit: BodyLimit,
): Promise<DecodedBody> {
  const read = await readBodyOf(c, limit);
  if (read.kind !== 'body') return read;
  const decoded = await decodeBody(read.bytes, coding, admission, limit.maxBytes);
  admission.reserve(-read.bytes.length);
  return decoded;
}

export const noRoom = 'too many bytes of messages are in memory';

type NoBody = Exclude<DecodedBody, { readonly kind: 'body' }>;

/** The answer to a request whose body did not come, or may not. */
export function refuseBody(read: NoBody, requestId: string, settings: PostSettings): Response {
  switch (read.kind) {
    case 'too-large':
      return refusal('body-too-large', requestId, tooLarge(settings));
    case 'no-room':
      return refusal('overloaded', requestId, { detail: noRoom });
    case 'timed-out':
      return refusal('request-timeout', requestId);
    case 'malformed':
      return refusal('malformed-request', requestId, { detail: 'the request body is broken' });
    case 'undecodable':
      return refusal('malformed-request', requestId, undecodable(read.coding));
    case 'aborted':
      return refusal('client-gone', requestId);
  }
}

type RefusalDetails = Omit<ProblemDetails, 'requestId' | 'headers'>;

const refusal = (kind: ProblemKind, requestId: string, details: RefusalDetails = {}): Response =>
  problem(kind, { requestId, ...details });

const notOneType = (message: string): RefusalDetails => ({
  detail: `Content-Type: ${message}`,
  errors: [{ field: 'Content-Type', message }],
});

const UNKNOWN_CODING: RefusalDetails = {
  detail: `expected one Content-Encoding of ${ACCEPTED_CODINGS}, or none`,
};

const undecodable = (coding: ContentCoding): RefusalDetails => ({
  detail: `the request body is no ${coding} data`,
  errors: [{ field: 'Content-Encoding', message: `the request body is no ${coding} data` }],
});

const tooLarge = ({ maxBodySizeBytes }: PostSettings): RefusalDetails => ({
  detail: `expected at most ${maxBodySizeBytes} bytes`,
});

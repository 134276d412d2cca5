import { type AppContext, bodyReaderOf, clientOf, targetOf } from '../bindings.ts';
import { parseBasic } from '../credentials.ts';
import { isForm, isIdentity } from '../form.ts';
import { toMessage } from '../message.ts';
import { isCrossSite } from '../origin.ts';
import { type Preferences, parsePrefer } from '../prefer.ts';
import { failureProblem, type ProblemDetails, type ProblemKind, problem } from '../problem.ts';
import type { PropertyDefaults } from '../properties.ts';
import type { Address, Admission, Message, Publisher, PublishOutcome } from '../publisher.ts';
import { requestIdOf } from '../request-id.ts';
import { splitTarget, toAddress } from '../target.ts';

export interface PublishSettings extends PropertyDefaults {
  readonly maxBodySizeBytes: number;
  readonly publishTimeoutMs: number;
  readonly asyncTimeoutMs: number;
  /** What becomes of a message whose client went away before it was written. */
  readonly clientGone: 'deliver' | 'drop';
  /** Web origins that may publish. */
  readonly origins: readonly string[];
}

/** A refusal before the body was read: the client need not send the rest of it. */
const CLOSE = { Connection: 'close' };

/**
 * POST /<vhost>/<exchange>/<routing key>. Everything that can be judged without the body is judged first; then the
 * body is read, the message made, and published.
 */
export function publishRoute(publisher: Publisher, settings: PublishSettings) {
  return async (c: AppContext): Promise<Response> => {
    const request = c.req.raw;
    const { headers } = request;
    const requestId = requestIdOf(request);
    const refuse = (kind: ProblemKind, details: Omit<ProblemDetails, 'requestId' | 'headers'> = {}): Response =>
      problem(kind, { requestId, ...details, headers: CLOSE });

    if (isCrossSite(request, settings.origins)) return refuse('cross-site');
    const addressed = toAddress(c.req.param('0') ?? '', c.req.param('1') ?? '', c.req.param('2') ?? '');
    if (!addressed.ok) return refuse('malformed-request', { errors: addressed.errors });
    const { address } = addressed;
    const credentials = parseBasic(headers.get('authorization'));
    if (!credentials) return refuse('unauthenticated', { detail: 'expected HTTP Basic credentials in UTF-8' });
    const contentType = headers.get('content-type');
    const contentEncoding = headers.get('content-encoding');
    if (isForm(contentType) && !isIdentity(contentEncoding)) return refuse('unsupported-encoding');
    const size = Number(headers.get('content-length') ?? 0);
    const maxBytes = settings.maxBodySizeBytes;
    if (size > maxBytes) return refuse('body-too-large', { detail: `expected at most ${maxBytes} bytes` });

    const pending = publisher.admit({ credentials, vhost: address.vhost, client: clientOf(c), size });
    const admission = pending instanceof Promise ? await pending : pending;
    if (admission.kind !== 'admitted') return failureProblem(admission, requestId, CLOSE);

    const read = await bodyReaderOf(c)({ maxBytes, reserved: size, reserve: (bytes) => admission.reserve(bytes) });
    if (read.kind !== 'body') {
      admission.release();
      switch (read.kind) {
        case 'too-large':
          return refuse('body-too-large', { detail: `expected at most ${maxBytes} bytes` });
        case 'no-room':
          return refuse('overloaded', { detail: 'too many bytes of messages are in memory' });
        case 'aborted':
          return refuse('client-gone');
      }
    }

    const target = splitTarget(targetOf(request, c.env));
    const made = toMessage(
      {
        contentType,
        contentEncoding,
        query: target.ok ? target.query : '',
        body: read.bytes,
        idempotencyKey: headers.get('idempotency-key'),
        traceparent: headers.get('traceparent'),
        tracestate: headers.get('tracestate'),
      },
      settings,
    );
    if (made.kind !== 'message') {
      admission.release();
      switch (made.kind) {
        case 'malformed':
          return problem('malformed-request', {
            requestId,
            detail: made.message,
            ...(made.errors && { errors: made.errors }),
          });
        case 'invalid':
          return problem('invalid-property', { requestId, errors: made.errors });
        case 'unsupported-encoding':
          return problem('unsupported-encoding', { requestId });
      }
    }
    const preferences = parsePrefer(headers.get('prefer'));
    const publication: Publication = { admission, address, message: made.message, requestId };
    if (preferences.respondAsync) return publishAsync(publication, preferences, settings);
    const timeoutMs = Math.min(preferences.waitMs ?? settings.publishTimeoutMs, settings.publishTimeoutMs);
    const signal = settings.clientGone === 'drop' ? { signal: request.signal } : {};
    return answer(await admission.publish(address, made.message, { timeoutMs, ...signal }), requestId);
  };
}

interface Publication {
  readonly admission: Admission;
  readonly address: Address;
  readonly message: Message;
  readonly requestId: string;
}

/** `Prefer: respond-async`: the delivery goes on after the answer, and what comes of it can only be logged. */
async function publishAsync(
  { admission, address, message, requestId }: Publication,
  { waitMs = 0 }: Preferences,
  { asyncTimeoutMs }: PublishSettings,
): Promise<Response> {
  const publishing = admission.publish(address, message, { timeoutMs: asyncTimeoutMs });
  const first = await Promise.race([publishing, waitMs > 0 ? after(Math.min(waitMs, asyncTimeoutMs)) : settledNow()]);
  if (first !== undefined) return answer(first, requestId);
  void publishing.then((outcome) => {
    if (outcome.kind !== 'confirmed') admission.abandon(requestId, address, outcome);
  });
  return new Response(JSON.stringify({ published: 'pending', request_id: requestId }), {
    status: 202,
    headers: {
      'Content-Type': 'application/json',
      'Preference-Applied': 'respond-async',
      'X-Request-Id': requestId,
    },
  });
}

const after = (milliseconds: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));

/** Lets an outcome win that is there already, such as a refusal for a blocked broker. */
const settledNow = (): Promise<undefined> => Promise.resolve().then(() => undefined);

/** What became of a message, as HTTP. */
function answer(outcome: PublishOutcome, requestId: string): Response {
  if (outcome.kind !== 'confirmed') return failureProblem(outcome, requestId);
  const headers: Record<string, string> = outcome.routed
    ? { 'X-Request-Id': requestId }
    : { 'X-Request-Id': requestId, 'Statelessd-Unrouted': '1' };
  return new Response(null, { status: 204, headers });
}

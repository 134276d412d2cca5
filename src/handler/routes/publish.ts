import * as v from 'valibot';
import { type AppContext, bodyReaderOf, clientOf, targetOf } from '../bindings.ts';
import { parseBasic } from '../credentials.ts';
import type { Log } from '../log.ts';
import { isForm, isIdentity } from '../message/form.ts';
import { type Malformed, malformedBody, toMessage } from '../message/message.ts';
import type { PropertyDefaults } from '../message/properties.ts';
import { decodeInTurns } from '../message/urlencoded.ts';
import { isCrossSite } from '../origin.ts';
import { type Preferences, parsePrefer } from '../prefer.ts';
import { failureProblem, outcomeOf, type ProblemDetails, type ProblemKind, problem } from '../problem.ts';
import type { Address, Admission, Credentials, Message, Publisher, PublishOutcome } from '../publisher.ts';
import { requestIdOf } from '../request-id.ts';
import { splitTarget, toAddress } from '../target.ts';
import { passesXsrf } from '../xsrf.ts';

export interface PublishSettings extends PropertyDefaults {
  readonly maxBodySizeBytes: number;
  readonly publishTimeoutMs: number;
  readonly asyncTimeoutMs: number;
  /** What becomes of a message whose client went away before it was written. */
  readonly clientGone: 'deliver' | 'drop';
  /** Web origins that may publish. */
  readonly origins: readonly string[];
  /** Forms need Tornado's `_xsrf` cookie and the same token in a field or a header. */
  readonly xsrfCookies: boolean;
}

/** A refusal before the body was read: the client need not send the rest of it. */
const CLOSE = { Connection: 'close' };

/** The answer to a request that goes no further, or what was found out about it. */
type Step<Value> = { readonly done: Response } | { readonly next: Value };

/**
 * POST /<vhost>/<exchange>/<routing key>. Everything that can be judged without the body is judged first; then the
 * body is read, the message made, and published.
 */
export function publishRoute(publisher: Publisher, settings: PublishSettings, log: Log) {
  const handle = async (c: AppContext, requestId: string): Promise<Response> => {
    const judged = judge(c, requestId, settings);
    if ('done' in judged) return judged.done;
    const { address, credentials, size, preferences } = judged.next;
    const { vhost } = address;
    const patient = preferences.respondAsync;
    const admitted = publisher.admit({ credentials, vhost, client: clientOf(c), size, patient });
    const admission = admitted instanceof Promise ? await admitted : admitted;
    if (admission.kind !== 'admitted') return failureProblem(admission, requestId, CLOSE);
    try {
      const made = await readMessage(c, requestId, admission, size, settings);
      if ('done' in made) return made.done;
      return await publish(c, { admission, address, message: made.next, requestId, preferences }, settings);
    } finally {
      // Does nothing once the message is on its way.
      admission.release();
    }
  };
  return async (c: AppContext): Promise<Response> => {
    const requestId = requestIdOf(c.req.raw);
    const response = await handle(c, requestId);
    if (response.status >= 400) logFailure(log, c, requestId, response);
    return response;
  };
}

/** One line for each message that was not published, with all that finds it again. */
function logFailure(log: Log, c: AppContext, requestId: string, response: Response): void {
  const addressed = addressOf(c);
  const { status } = response;
  log(status >= 500 ? 'error' : 'warning', 'not published', {
    request_id: requestId,
    vhost: addressed.ok ? addressed.address.vhost : undefined,
    user: parseBasic(c.req.raw.headers.get('authorization'))?.username,
    exchange: addressed.ok ? addressed.address.exchange : undefined,
    routing_key: addressed.ok ? addressed.address.routingKey : undefined,
    status,
    outcome: outcomeOf(response),
  });
}

const addressOf = (c: AppContext): ReturnType<typeof toAddress> =>
  toAddress(c.req.param('0') ?? '', c.req.param('1') ?? '', c.req.param('2') ?? '');

interface Judged {
  readonly address: Address;
  readonly credentials: Credentials;
  /** Bytes that the request announces. */
  readonly size: number;
  readonly preferences: Preferences;
}

/** What the request line and the headers tell. */
function judge(c: AppContext, requestId: string, settings: PublishSettings): Step<Judged> {
  const { headers } = c.req.raw;
  const refuse = (kind: ProblemKind, details: RefusalDetails = {}) => ({ done: refusal(kind, requestId, details) });
  if (isCrossSite(c.req.raw, settings.origins)) return refuse('cross-site');
  const addressed = addressOf(c);
  if (!addressed.ok) return refuse('malformed-request', { errors: addressed.errors });
  const credentials = parseBasic(headers.get('authorization'));
  if (!credentials) return refuse('unauthenticated', { detail: 'expected HTTP Basic credentials in UTF-8' });
  if (isForm(headers.get('content-type')) && !isIdentity(headers.get('content-encoding')))
    return refuse('unsupported-encoding');
  const size = Number(headers.get('content-length') ?? 0);
  if (size > settings.maxBodySizeBytes) return refuse('body-too-large', tooLarge(settings));
  const preferences = parsePrefer(headers.get('prefer'));
  return { next: { address: addressed.address, credentials, size, preferences } };
}

async function readMessage(
  c: AppContext,
  requestId: string,
  admission: Admission,
  announced: number,
  settings: PublishSettings,
): Promise<Step<Message>> {
  const refuse = (kind: ProblemKind, details: RefusalDetails = {}) => ({ done: refusal(kind, requestId, details) });
  const read = await bodyReaderOf(c)({
    maxBytes: settings.maxBodySizeBytes,
    reserved: announced,
    reserve: (bytes) => admission.reserve(bytes),
  });
  switch (read.kind) {
    case 'too-large':
      return refuse('body-too-large', tooLarge(settings));
    case 'no-room':
      return refuse('overloaded', { detail: 'too many bytes of messages are in memory' });
    case 'timed-out':
      return refuse('request-timeout');
    case 'malformed':
      return refuse('malformed-request', { detail: 'the request body is broken' });
    case 'aborted':
      return refuse('client-gone');
    case 'body':
      return await makeMessage(c, requestId, read.bytes, settings);
  }
}

async function makeMessage(
  c: AppContext,
  requestId: string,
  body: Uint8Array,
  settings: PublishSettings,
): Promise<Step<Message>> {
  const { headers } = c.req.raw;
  const target = splitTarget(targetOf(c.req.raw, c.env));
  const query = target.ok ? target.query : '';
  if (settings.xsrfCookies && !passesXsrf(c.req.raw, query, body))
    return { done: problem('cross-site', { requestId, detail: 'the _xsrf field is not what the _xsrf cookie says' }) };
  const made = toMessage(
    {
      contentType: headers.get('content-type'),
      contentEncoding: headers.get('content-encoding'),
      query,
      body,
      idempotencyKey: headers.get('idempotency-key'),
      traceparent: headers.get('traceparent'),
      tracestate: headers.get('tracestate'),
    },
    settings,
  );
  switch (made.kind) {
    case 'message': {
      if (!made.encoded) return { next: made.message };
      const decoded = await decodeInTurns(made.message.body);
      return decoded
        ? { next: { ...made.message, body: decoded } }
        : { done: malformedProblem(malformedBody, requestId) };
    }
    case 'malformed':
      return { done: malformedProblem(made, requestId) };
    case 'invalid':
      return { done: problem('invalid-property', { requestId, errors: made.errors }) };
    case 'unsupported-encoding':
      return { done: problem('unsupported-encoding', { requestId }) };
  }
}

function malformedProblem({ message: detail, errors }: Malformed, requestId: string): Response {
  return problem('malformed-request', { requestId, detail, ...(errors && { errors }) });
}

type RefusalDetails = Omit<ProblemDetails, 'requestId' | 'headers'>;

const refusal = (kind: ProblemKind, requestId: string, details: RefusalDetails): Response =>
  problem(kind, { requestId, ...details, headers: CLOSE });

const tooLarge = ({ maxBodySizeBytes }: PublishSettings): RefusalDetails => ({
  detail: `expected at most ${maxBodySizeBytes} bytes`,
});

interface Publication {
  readonly admission: Admission;
  readonly address: Address;
  readonly message: Message;
  readonly requestId: string;
  readonly preferences: Preferences;
}

async function publish(c: AppContext, publication: Publication, settings: PublishSettings): Promise<Response> {
  const { admission, address, message, requestId, preferences } = publication;
  if (preferences.respondAsync) return publishAsync(publication, settings);
  const timeoutMs = Math.min(preferences.waitMs ?? settings.publishTimeoutMs, settings.publishTimeoutMs);
  const signal = settings.clientGone === 'drop' ? { signal: c.req.raw.signal } : {};
  return answer(await admission.publish(address, message, { timeoutMs, ...signal }), requestId);
}

export const pendingDocument = v.object({ published: v.literal('pending'), request_id: v.string() });

/** `Prefer: respond-async`: the delivery goes on after the answer, and what comes of it can only be logged. */
async function publishAsync(
  { admission, address, message, requestId, preferences: { waitMs = 0 } }: Publication,
  { asyncTimeoutMs }: PublishSettings,
): Promise<Response> {
  const publishing = admission.publish(address, message, { timeoutMs: asyncTimeoutMs, patient: true });
  const first = await Promise.race([publishing, waitMs > 0 ? after(Math.min(waitMs, asyncTimeoutMs)) : settledNow()]);
  if (first !== undefined) return answer(first, requestId);
  void publishing.then((outcome) => {
    if (outcome.kind !== 'confirmed') admission.abandon(requestId, address, outcome);
  });
  const body: v.InferOutput<typeof pendingDocument> = { published: 'pending', request_id: requestId };
  return new Response(JSON.stringify(body), {
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

import { type AppContext, goneSignalOf, headerOf, headersFrom, targetOf } from '../bindings.ts';
import type { Log } from '../log.ts';
import { attributePrefix } from '../message/cloud-events.ts';
import { compact, headersSize } from '../message/compact.ts';
import { type Invalid, type Malformed, malformedBody, toMessage } from '../message/message.ts';
import type { PropertyDefaults } from '../message/properties.ts';
import { decodeInTurns } from '../message/urlencoded.ts';
import { type ExchangeNames, withoutVoidReturn } from '../message/void-returns.ts';
import type { Preferences } from '../prefer.ts';
import { failureProblem, outcomeOf, problem } from '../problem.ts';
import type {
  Address,
  Admission,
  Credentials,
  Message,
  Publisher,
  PublishOptions,
  PublishOutcome,
} from '../publisher.ts';
import { requestIdOf } from '../request-id.ts';
import { queryOf, toAddress } from '../target.ts';
import { passesXsrf } from '../xsrf.ts';
import { logFailure } from './log-failure.ts';
import { pending, within } from './pending.ts';
import {
  admissionRequest,
  type Judged,
  judgePost,
  noRoom,
  type PostSettings,
  readPost,
  refuseAdmission,
  refuseBody,
  type Step,
} from './posting.ts';

export interface PublishSettings extends PropertyDefaults, PostSettings {
  readonly publishTimeoutMs: number;
  readonly asyncTimeoutMs: number;
  /** What becomes of a message whose client went away before it was written. */
  readonly clientGone: 'deliver' | 'drop';
  /** Exchanges that return what they keep or delay. */
  readonly ignoreReturnsOf: readonly ExchangeNames[];
  /** Forms need Tornado's `_xsrf` cookie and the same token in a field or a header. */
  readonly xsrfCookies: boolean;
}

/**
 * POST /<vhost>/<exchange>/<routing key>. Everything that can be judged without the body is judged first; then the
 * body is read, the message made, and published.
 */
export function publishRoute(publisher: Publisher, settings: PublishSettings, log: Log) {
  const publishOne = async (c: AppContext, requestId: string): Promise<Response> => {
    const judged = judgePost(c, requestId, settings, addressOf(c), 'message');
    if ('done' in judged) return judged.done;
    const { address, credentials, preferences } = judged.next;
    const admitted = publisher.admit(admissionRequest(c, judged.next));
    const admission = admitted instanceof Promise ? await admitted : admitted;
    if (admission.kind !== 'admitted') return refuseAdmission(admission, requestId, credentials);
    try {
      const made = await readMessage(c, requestId, judged.next, admission, settings);
      if ('done' in made) return made.done;
      const message = made.next;
      if (preferences.respondAsync)
        return await publishAsync({ admission, address, credentials, message, requestId, preferences }, settings);
      const outcome = await admission.publish(address, message, optionsOf(c, preferences, settings));
      return answer(outcome, requestId, credentials);
    } finally {
      // Does nothing once the message is on its way.
      admission.release();
    }
  };
  return async (c: AppContext): Promise<Response> => {
    const requestId = requestIdOf(c);
    const response = await publishOne(c, requestId);
    const { status } = response;
    if (status >= 400) logFailure(log, c, { requestId, addressed: addressOf(c), status, outcome: outcomeOf(response) });
    return response;
  };
}

const addressOf = (c: AppContext): ReturnType<typeof toAddress> =>
  toAddress(c.req.param('0') ?? '', c.req.param('1') ?? '', c.req.param('2') ?? '');

/** The message, for which there is room. Nothing of the request is kept that it does not consist of. */
async function readMessage(
  c: AppContext,
  requestId: string,
  judged: Judged<Address>,
  admission: Admission,
  settings: PublishSettings,
): Promise<Step<Message>> {
  const read = await readPost(c, judged, admission, settings);
  if (read.kind !== 'body') return { done: refuseBody(read, requestId, settings) };
  const making = makeMessage(c, requestId, read.bytes, settings);
  const made = making instanceof Promise ? await making : making;
  if ('done' in made) return made;
  const message = compact(withoutVoidReturn(judged.address, made.next, settings.ignoreReturnsOf));
  if (admission.reserve(headersSize(message))) return { next: message };
  return { done: problem('overloaded', { requestId, detail: noRoom }) };
}

function makeMessage(
  c: AppContext,
  requestId: string,
  body: Uint8Array,
  settings: PublishSettings,
): Step<Message> | Promise<Step<Message>> {
  const query = queryOf(targetOf(c.req.raw, c.env));
  if (settings.xsrfCookies && !passesXsrf(c, query, body)) return { done: xsrfProblem(requestId) };
  const made = toMessage(
    {
      contentType: headerOf(c, 'content-type'),
      contentEncoding: headerOf(c, 'content-encoding'),
      query,
      body,
      cloudEvent: headersFrom(c, attributePrefix),
      idempotencyKey: headerOf(c, 'idempotency-key'),
      traceparent: headerOf(c, 'traceparent'),
      tracestate: headerOf(c, 'tracestate'),
    },
    settings,
  );
  switch (made.kind) {
    case 'message':
      return made.encoded ? decodeBody(made.message, requestId) : { next: made.message };
    case 'malformed':
      return { done: malformedProblem(made, requestId) };
    case 'invalid':
      return { done: invalidProblem(made, requestId) };
  }
}

export const xsrfProblem = (requestId: string): Response =>
  problem('cross-site', { requestId, detail: 'the field _xsrf is not what the cookie _xsrf says' });

async function decodeBody(message: Message, requestId: string): Promise<Step<Message>> {
  const body = await decodeInTurns(message.body);
  return body ? { next: { ...message, body } } : { done: malformedProblem(malformedBody, requestId) };
}

function malformedProblem({ message: detail, errors }: Malformed, requestId: string): Response {
  return problem('malformed-request', { requestId, detail, ...(errors && { errors }) });
}

function invalidProblem({ errors, detail }: Invalid, requestId: string): Response {
  return problem('invalid-property', { requestId, errors, ...(detail !== undefined && { detail }) });
}

interface Publication {
  readonly admission: Admission;
  readonly address: Address;
  readonly credentials: Credentials;
  readonly message: Message;
  readonly requestId: string;
  readonly preferences: Preferences;
}

/** How long the message may take, and whether it is given up on with its client. */
export function optionsOf(
  c: AppContext,
  { waitMs }: Preferences,
  { publishTimeoutMs, clientGone }: PublishSettings,
): PublishOptions {
  const timeoutMs = waitMs === undefined ? publishTimeoutMs : Math.min(waitMs, publishTimeoutMs);
  return clientGone === 'drop' ? { timeoutMs, signal: goneSignalOf(c) } : { timeoutMs };
}

/** `Prefer: respond-async`: the delivery goes on after the answer, and what comes of it can only be logged. */
async function publishAsync(
  { admission, address, credentials, message, requestId, preferences: { waitMs = 0 } }: Publication,
  { publishTimeoutMs, asyncTimeoutMs }: PublishSettings,
): Promise<Response> {
  const publishing = admission.publish(address, message, { timeoutMs: asyncTimeoutMs, patient: true });
  const first = await within(Math.min(waitMs, publishTimeoutMs, asyncTimeoutMs), publishing);
  if (first !== undefined) return answer(first, requestId, credentials);
  void publishing.then((outcome) => {
    if (outcome.kind !== 'confirmed') admission.abandon(requestId, address, outcome);
  });
  return pending(requestId);
}

/** What became of a message, as HTTP. */
function answer(outcome: PublishOutcome, requestId: string, credentials: Credentials): Response {
  if (outcome.kind !== 'confirmed') return failureProblem(outcome, requestId, credentials);
  const headers: Record<string, string> = outcome.routed
    ? { 'X-Request-Id': requestId }
    : { 'X-Request-Id': requestId, 'Statelessd-Unrouted': '1' };
  return new Response(null, { status: 204, headers });
}

import { type BatchForm, type BatchResult, batchFormOf, toBatch } from '../batch/batch.ts';
import { incompleteBatch } from '../batch/incomplete.ts';
import { type AppContext, goneSignalOf, headerOf } from '../bindings.ts';
import { claimedUser } from '../credentials.ts';
import type { Log } from '../log.ts';
import type { Preferences } from '../prefer.ts';
import { failureProblem, outcomeOf, problem } from '../problem.ts';
import type { Addressed, Admission, Credentials, Publisher, PublishFailure, PublishOutcome } from '../publisher.ts';
import { requestIdOf } from '../request-id.ts';
import { type BatchAddress, decodedByProxy, toBatchAddress } from '../target.ts';
import { type OneAtATime, Turns } from '../turns.ts';
import { logFailure } from './log-failure.ts';
import { pending, within } from './pending.ts';
import { admissionRequest, judgePost, noRoom, readPost, refuseAdmission, refuseBody } from './posting.ts';
import type { PublishSettings } from './publish.ts';

export interface PublishManySettings extends PublishSettings {
  /** Messages in one batch. */
  readonly maxBatch: number;
}

/** POST /<vhost> and POST /<vhost>/<exchange>: many messages, judged as one, published one by one. */
export function publishManyRoute(publisher: Publisher, settings: PublishManySettings, log: Log, longTexts: OneAtATime) {
  const handle = async (c: AppContext, requestId: string): Promise<Response> => {
    const judged = judgePost(c, requestId, settings, addressOf(c), 'batch');
    if ('done' in judged) return judged.done;
    const { address, credentials, preferences } = judged.next;
    const form = batchFormOf(headerOf(c, 'content-type'));
    if (!form) return problem('malformed-request', { requestId, ...NO_BATCH });
    const admitted = publisher.admit(admissionRequest(c, judged.next));
    const admission = admitted instanceof Promise ? await admitted : admitted;
    if (admission.kind !== 'admitted') return refuseAdmission(withHint(admission), requestId, credentials);
    try {
      const read = await readPost(c, judged.next, admission, settings);
      if (read.kind !== 'body') return refuseBody(read, requestId, settings);
      const startedAt = performance.now();
      const made = await makeBatch(c, read.bytes, form, address, admission, longTexts, settings);
      if (made.kind !== 'batch') return invalidBatch(made, requestId, settings);
      const { messages } = made;
      const publication = { admission, credentials, messages, requestId, preferences, startedAt };
      return await publish(c, publication, settings, (index, failure) => {
        logOne(log, claimedUser(credentials), requestId, index, messages, failure);
      });
    } finally {
      admission.release();
    }
  };
  return async (c: AppContext): Promise<Response> => {
    const requestId = requestIdOf(c);
    const response = await handle(c, requestId);
    const { status } = response;
    if (status >= 400) logFailure(log, c, { requestId, addressed: addressOf(c), status, outcome: outcomeOf(response) });
    return response;
  };
}

const EXPECTED_TYPE = 'application/x-ndjson, or application/json with an array';

/** Who did not mean to send a batch has lost a part of the path. */
const EXPECTED_BATCH =
  'this path is for batches; a message goes to /<vhost>/<exchange>/<routing key>, where the vhost / is written %2f: ' +
  decodedByProxy;

const NO_BATCH = {
  detail: `expected Content-Type ${EXPECTED_TYPE}; ${EXPECTED_BATCH}`,
  errors: [{ field: 'Content-Type', message: `expected ${EXPECTED_TYPE}` }],
};

/** A vhost that is none may be an exchange, before whose vhost a decoded %2f has gone. */
function withHint<Failure extends PublishFailure>(failure: Failure): Failure {
  if (failure.kind !== 'vhost-not-found' && failure.kind !== 'vhost-refused') return failure;
  return { ...failure, detail: failure.detail === undefined ? EXPECTED_BATCH : `${failure.detail}; ${EXPECTED_BATCH}` };
}

const addressOf = (c: AppContext) => toBatchAddress(c.req.param('0') ?? '', c.req.param('1'));

function makeBatch(
  c: AppContext,
  body: Uint8Array,
  form: BatchForm,
  { vhost, exchange }: BatchAddress,
  admission: Admission,
  longTexts: OneAtATime,
  defaults: PublishManySettings,
): Promise<BatchResult> {
  const trace = { traceparent: headerOf(c, 'traceparent'), tracestate: headerOf(c, 'tracestate') };
  const reserve = (bytes: number): boolean => admission.reserve(bytes);
  return toBatch(body, form, { vhost, exchange, trace, defaults, maxMessages: defaults.maxBatch, reserve, longTexts });
}

function invalidBatch(
  made: Exclude<BatchResult, { readonly kind: 'batch' }>,
  requestId: string,
  { maxBatch }: PublishManySettings,
): Response {
  switch (made.kind) {
    case 'no-array':
      return problem('malformed-request', { requestId, detail: `${made.message}; ${EXPECTED_BATCH}` });
    case 'malformed':
      return problem('malformed-request', { requestId, detail: made.message });
    case 'invalid':
      return problem('invalid-batch', { requestId, errors: made.errors });
    case 'no-room':
      return problem('overloaded', { requestId, detail: noRoom });
    case 'too-many':
      return problem('batch-too-large', { requestId, detail: `expected at most ${maxBatch} messages` });
  }
}

interface Publication {
  readonly admission: Admission;
  readonly credentials: Credentials;
  readonly messages: readonly Addressed[];
  readonly requestId: string;
  readonly preferences: Preferences;
  /** When the body had arrived, in milliseconds of the monotonic clock: the time that judging took counts. */
  readonly startedAt: number;
}

type OnFailure = (index: number, failure: PublishFailure) => void;

async function publish(
  c: AppContext,
  { admission, credentials, messages, requestId, preferences, startedAt }: Publication,
  { publishTimeoutMs, asyncTimeoutMs, clientGone }: PublishManySettings,
  onFailure: OnFailure,
): Promise<Response> {
  const { respondAsync, waitMs } = preferences;
  const longestMs = respondAsync ? asyncTimeoutMs : publishTimeoutMs;
  const timeoutMs = Math.max(0, longestMs - (performance.now() - startedAt));
  const signal = clientGone === 'drop' && !respondAsync ? { signal: goneSignalOf(c) } : {};
  const options = respondAsync
    ? { timeoutMs, patient: true }
    : { timeoutMs: Math.min(waitMs ?? timeoutMs, timeoutMs), ...signal };
  const publishing = admission.publishMany(messages, options);
  const outcomes = respondAsync
    ? await within(Math.min(waitMs ?? 0, publishTimeoutMs, timeoutMs), publishing)
    : await publishing;
  if (outcomes) {
    await eachFailure(outcomes, onFailure);
    return answer(outcomes, requestId, credentials);
  }
  // All at once, for the process may end with it.
  void publishing.then((late) => {
    for (const [index, outcome] of late.entries()) {
      const address = messages[index]?.address;
      if (outcome.kind !== 'confirmed' && address) admission.abandon(requestId, address, outcome);
    }
  });
  return pending(requestId);
}

/** Thousands of lines take a while to write; others have their turns between them. */
async function eachFailure(outcomes: readonly PublishOutcome[], onFailure: OnFailure): Promise<void> {
  const turns = new Turns();
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.kind === 'confirmed') continue;
    onFailure(index, outcome);
    if (turns.due) await turns.next();
  }
}

function answer(outcomes: readonly PublishOutcome[], requestId: string, credentials: Credentials): Response {
  const [first] = outcomes;
  // As if it had been refused at once: the token expired before the first of them was written.
  if (first?.kind === 'login-refused' && outcomes.every(isRefusedLogin))
    return failureProblem(first, requestId, credentials);
  if (outcomes.some(({ kind }) => kind !== 'confirmed')) return incompleteBatch(outcomes, requestId);
  const unrouted = outcomes.filter((outcome) => outcome.kind === 'confirmed' && !outcome.routed).length;
  const headers = { 'X-Request-Id': requestId, ...(unrouted > 0 && { 'Statelessd-Unrouted': String(unrouted) }) };
  return new Response(null, { status: 204, headers });
}

const isRefusedLogin = (outcome: PublishOutcome): boolean =>
  outcome.kind === 'login-refused' && outcome.published === 'no';

/** One line for each message that was not published. */
function logOne(
  log: Log,
  user: string | undefined,
  requestId: string,
  index: number,
  messages: readonly Addressed[],
  { kind, published }: PublishFailure,
): void {
  const address = messages[index]?.address;
  log('warning', 'a message of a batch was not published', {
    request_id: requestId,
    index,
    vhost: address?.vhost,
    user,
    exchange: address?.exchange,
    routing_key: address?.routingKey,
    outcome: `${kind}; published=${published}`,
  });
}

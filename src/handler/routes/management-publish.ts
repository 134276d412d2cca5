import { type AppContext, targetOf } from '../bindings.ts';
import type { Log } from '../log.ts';
import {
  answerFailure,
  answerFault,
  answerOutcome,
  answerProblem,
  type ManagedAnswer,
  toResponse,
} from '../management/answers.ts';
import { readManagedPublish } from '../management/publish-request.ts';
import type { Publisher } from '../publisher.ts';
import { requestIdOf } from '../request-id.ts';
import { queryOf, toAddress } from '../target.ts';
import type { OneAtATime } from '../turns.ts';
import { passesXsrf } from '../xsrf.ts';
import { type Failure, logFailure } from './log-failure.ts';
import { admissionRequest, judgePost, readPost, refuseBody } from './posting.ts';
import { optionsOf, type PublishSettings, xsrfProblem } from './publish.ts';

/**
 * POST /api/exchanges/<vhost>/<exchange>/publish, as RabbitMQ's management plugin answers it, so that its clients need
 * another base URL and nothing else. @see https://www.rabbitmq.com/docs/http-api-reference
 */
export function managementPublishRoute(
  publisher: Publisher,
  settings: PublishSettings,
  log: Log,
  longTexts: OneAtATime,
) {
  /** @param onRoutingKey called when the body has been read, where it stands */
  const handle = async (
    c: AppContext,
    requestId: string,
    onRoutingKey: (routingKey: string) => void,
  ): Promise<ManagedAnswer> => {
    const judged = judgePost(c, requestId, settings, addressOf(c), 'call');
    if ('done' in judged) return answerProblem(judged.done);
    if (settings.xsrfCookies && !passesXsrf(c, queryOf(targetOf(c.req.raw, c.env)), undefined))
      return answerProblem(xsrfProblem(requestId));
    const { address, credentials } = judged.next;
    const admitted = publisher.admit({ ...admissionRequest(c, judged.next), patient: false });
    const admission = admitted instanceof Promise ? await admitted : admitted;
    if (admission.kind !== 'admitted') return answerFailure(admission, credentials);
    try {
      const read = await readPost(c, judged.next, admission, settings);
      if (read.kind !== 'body') return answerProblem(refuseBody(read, requestId, settings));
      const made = await readManagedPublish(read.bytes, settings, longTexts);
      if (made.kind !== 'message') return answerFault(made);
      const { routingKey, message } = made;
      onRoutingKey(routingKey);
      const options = optionsOf(c, { respondAsync: false, waitMs: undefined }, settings);
      return answerOutcome(await admission.publish({ ...address, routingKey }, message, options), credentials);
    } finally {
      admission.release();
    }
  };
  return async (c: AppContext): Promise<Response> => {
    const requestId = requestIdOf(c);
    let routingKey: string | undefined;
    const answer = await handle(c, requestId, (found) => {
      routingKey = found;
    });
    const { status, failure: outcome } = answer;
    if (outcome !== undefined)
      logFailure(log, c, { requestId, addressed: addressedBy(c, routingKey), status, outcome });
    return toResponse(answer, requestId);
  };
}

/** Here the default exchange may also go without a name. */
const addressOf = (c: AppContext) => toAddress(c.req.param('0') ?? '', c.req.param('1') || 'amq.default', '');

/** As far as it is known: the routing key stands in the body. */
function addressedBy(c: AppContext, routingKey: string | undefined): Failure['addressed'] {
  const addressed = addressOf(c);
  return addressed.ok ? { ok: true, address: { ...addressed.address, routingKey } } : addressed;
}

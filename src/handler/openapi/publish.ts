import { ACCEPTED_CODINGS } from '../content-coding.ts';
import { maxShortString } from '../message/utf8.ts';
import { pendingDocument } from '../routes/pending.ts';
import { REQUEST_ID_HEADER } from './answers.ts';
import { messageForms, queryParameters } from './message-fields.ts';
import type { Answers, HandlerOperation, Parameter } from './operation.ts';
import { BATCH_PROBLEMS, problemsBut } from './problems.ts';
import { schemaOf } from './schema.ts';

export interface PublishLimits {
  readonly maxBodySizeBytes: number;
  readonly xsrfCookies: boolean;
}

/** POST /<vhost>/<exchange>/<routing key> */
export function publishOperation({ maxBodySizeBytes, xsrfCookies }: PublishLimits): HandlerOperation {
  return {
    method: 'post',
    path: ADDRESS,
    operation: {
      operationId: 'publish',
      summary: 'Publish a message',
      description:
        'Of a property that stands in several places, that of the form counts, then that of the query string, then ' +
        'that of the request headers. Nothing is added that was not asked for.',
      security: [{ basic: [] }, { bearer: [] }],
      parameters: [...REQUEST_HEADERS, ...CLOUD_EVENT, BODY, ...queryParameters()],
      requestBody: {
        description:
          `At most ${maxBodySizeBytes} bytes, decoded where it is a form under a Content-Encoding of ${ACCEPTED_CODINGS}. ` +
          'What is no form is the body of the message as it is. Without a body, and without the Content-Type of a form, ' +
          'the message has that of the query string.',
        content: { ...messageForms(xsrfCookies), '*/*': { schema: { maxLength: maxBodySizeBytes } } },
      },
      responses: { ...PUBLISH_ANSWERS, ...problemsBut('operations-refused', ...BATCH_PROBLEMS) },
    },
  };
}

const BODY: Parameter = {
  name: 'body',
  in: 'query',
  description: 'the body of the message, byte by byte, of a request that has none and is no form',
  schema: { type: 'string' },
};

const CLOUD_EVENT = ['id', 'source', 'specversion', 'type', 'subject', 'time', 'dataschema'].map(
  (attribute): Parameter => ({
    name: `ce-${attribute}`,
    in: 'header',
    description:
      `beside a raw body, an attribute of a CloudEvent: percent-decoded, it becomes the header cloudEvents_${attribute}, ` +
      'as every ce-* does' +
      (attribute === 'id' ? ', and message_id where there is none' : ''),
    schema: { type: 'string' },
  }),
);

const SEGMENT = 'percent-encoded once, as UTF-8';

export const ADDRESS: readonly Parameter[] = [
  {
    name: 'vhost',
    in: 'path',
    required: true,
    description: `${SEGMENT}; the vhost / is %2f`,
    schema: { type: 'string', minLength: 1, maxLength: maxShortString },
  },
  {
    name: 'exchange',
    in: 'path',
    required: true,
    description: `${SEGMENT}; amq.default is the default exchange`,
    schema: { type: 'string', minLength: 1, maxLength: maxShortString },
  },
  {
    name: 'routing_key',
    in: 'path',
    required: true,
    description: `${SEGMENT}; it may be empty, the path then ends with a slash`,
    schema: { type: 'string', maxLength: maxShortString },
  },
];

export const REQUEST_HEADERS: readonly Parameter[] = [
  {
    name: 'Prefer',
    in: 'header',
    description:
      'RFC 7240. wait=N: seconds to wait for the confirm, at most publish_timeout. respond-async: 202 as soon as the ' +
      'message is valid and its credentials are known to be good, with wait=N after N seconds at most',
    schema: { type: 'string', examples: ['wait=2', 'respond-async'] },
  },
  {
    name: 'Content-Encoding',
    in: 'header',
    description: `of a form or a batch: ${ACCEPTED_CODINGS}, or none; of a raw body it becomes content_encoding`,
    schema: { type: 'string' },
  },
  {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'becomes message_id where none is given; a quoted string loses its quotes',
    schema: { type: 'string', pattern: '^[ -~]*$' },
  },
  {
    name: 'X-Request-Id',
    in: 'header',
    description: `kept if it matches ${REQUEST_ID_HEADER['X-Request-Id']?.schema.pattern}, else replaced`,
    schema: { type: 'string' },
  },
  ...['traceparent', 'tracestate'].map(
    (name): Parameter => ({
      name,
      in: 'header',
      description: 'copied into the headers of the message, unless it names them itself',
      schema: { type: 'string' },
    }),
  ),
];

export const PUBLISH_ANSWERS: Answers = {
  202: {
    description: 'Prefer: respond-async. The message is valid; what becomes of it stands in the logs and in /stats.',
    headers: {
      ...REQUEST_ID_HEADER,
      'Preference-Applied': { required: true, schema: { const: 'respond-async' } },
    },
    content: { 'application/json': { schema: schemaOf(pendingDocument) } },
  },
  204: {
    description: 'The broker has confirmed the message.',
    headers: {
      ...REQUEST_ID_HEADER,
      'Statelessd-Unrouted': {
        description: 'how many messages no queue took, where the configuration has them reported',
        schema: { type: 'integer', minimum: 1 },
      },
    },
  },
};

import { ACCEPTED_CODINGS } from '../content-coding.ts';
import { maxShortString } from '../message/utf8.ts';
import { jsonProperties } from './message-fields.ts';
import type { HandlerOperation } from './operation.ts';
import { problems } from './problems.ts';
import { ADDRESS, PUBLISH_ANSWERS, REQUEST_HEADERS } from './publish.ts';
import type { Schema } from './schema.ts';

export interface BatchLimits {
  readonly maxBodySizeBytes: number;
  readonly maxBatch: number;
}

/** POST /<vhost> and POST /<vhost>/<exchange> */
export function publishManyOperation({ maxBodySizeBytes, maxBatch }: BatchLimits): HandlerOperation {
  return {
    method: 'post',
    path: ADDRESS.slice(0, 2),
    optional: 1,
    operation: {
      operationId: 'publishMany',
      summary: 'Publish many messages',
      description:
        'The batch is judged whole: one invalid message, and nothing is published. Then all are published, and 204 says ' +
        'that every one is confirmed. Where the path names an exchange, messages name none, or the same.',
      security: [{ basic: [] }, { bearer: [] }],
      parameters: REQUEST_HEADERS.filter(({ name }) => name !== 'Idempotency-Key'),
      requestBody: {
        description: `At most ${maxBatch} messages and ${maxBodySizeBytes} bytes, without its Content-Encoding of ${ACCEPTED_CODINGS}.`,
        content: {
          'application/json': { schema: { type: 'array', maxItems: maxBatch, items: messageSchema() } },
          'application/x-ndjson': { schema: { type: 'string', description: 'the same messages, one a line' } },
        },
      },
      responses: {
        ...PUBLISH_ANSWERS,
        ...problems(
          'unauthenticated',
          'login-refused',
          'vhost-refused',
          'cross-site',
          'vhost-not-found',
          'body-too-large',
          'unsupported-encoding',
          'invalid-batch',
          'batch-too-large',
          'batch-refused',
          'batch-retriable',
          'batch-unknown',
          'too-many-failed-logins',
          'broker-unavailable',
          'broker-blocked',
          'broker-limit',
          'overloaded',
          'shutting-down',
        ),
      },
    },
  };
}

function messageSchema(): Schema {
  const name: Schema = { type: 'string', maxLength: maxShortString };
  return {
    type: 'object',
    properties: {
      exchange: name,
      routing_key: name,
      body: { type: 'string', description: 'the body of the message, in UTF-8' },
      body_base64: { type: 'string', contentEncoding: 'base64' },
      ...jsonProperties(),
    },
    oneOf: [{ required: ['body'] }, { required: ['body_base64'] }],
  };
}

import { REQUEST_ID_HEADER } from './answers.ts';
import type { Answer, Answers, HandlerOperation, Header } from './operation.ts';
import { problems } from './problems.ts';
import { ADDRESS } from './publish.ts';
import type { Schema } from './schema.ts';

/** POST /api/exchanges/<vhost>/<exchange>/publish */
export function managementPublishOperation(): HandlerOperation {
  return {
    method: 'post',
    path: ADDRESS.slice(0, 2),
    template: '/api/exchanges/{vhost}/{exchange}/publish',
    operation: {
      operationId: 'managementPublish',
      summary: "Publish a message as RabbitMQ's management API has it",
      description: 'The same request and the same answers as of the management plugin.',
      security: [{ basic: [] }, { bearer: [] }],
      requestBody: { content: { 'application/json': { schema: REQUEST } } },
      responses: { ...problems(), 200: ROUTED, ...refusals() },
    },
  };
}

const REQUEST: Schema = {
  type: 'object',
  required: ['routing_key', 'properties', 'payload', 'payload_encoding'],
  properties: {
    routing_key: { type: 'string' },
    properties: { type: 'object' },
    payload: { type: 'string' },
    payload_encoding: { enum: ['string', 'base64'] },
  },
};

const ROUTED: Answer = {
  description: 'The broker has confirmed the message; routed says whether a queue took it.',
  headers: REQUEST_ID_HEADER,
  content: {
    'application/json': {
      schema: { type: 'object', required: ['routed'], properties: { routed: { type: 'boolean' } } },
    },
  },
};

/** What is wrong with HTTP itself, or a bug, is told as everywhere. */
function refusals(): Answers {
  const anywhere = problems();
  return Object.fromEntries(
    [400, 401, 403, 408, 429, 500, 502, 503].map((status) => [
      status,
      { ...REFUSED, content: { ...REFUSED.content, ...anywhere[status]?.content } },
    ]),
  );
}

const TEXT: Header = { schema: { type: 'string' } };

const REFUSED: Answer = {
  description: 'Not published, or not for certain: the header Statelessd-Error tells.',
  headers: {
    ...REQUEST_ID_HEADER,
    'Statelessd-Error': { ...TEXT, required: true },
    'WWW-Authenticate': TEXT,
    'Retry-After': TEXT,
  },
  'x-may-be-empty': true,
  content: {
    'application/json': {
      schema: { type: 'object', required: ['error', 'reason'], properties: { error: { type: 'string' }, reason: {} } },
    },
  },
};

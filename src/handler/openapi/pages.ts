import * as v from 'valibot';
import { healthDocument } from '../routes/health.ts';
import { jsonAnswer, REQUEST_ID_HEADER } from './answers.ts';
import { component } from './components.ts';
import type { Answer, Answers, HandlerOperation, Parameter } from './operation.ts';
import { problems } from './problems.ts';
import { schemaOf } from './schema.ts';

/** GET of a page that is nobody's secret. */
const page = (
  operationId: string,
  summary: string,
  responses: Answers,
  parameters: readonly Parameter[] = [],
): HandlerOperation => ({
  method: 'get',
  path: [],
  operation: { operationId, summary, parameters, responses: { ...responses, ...problems() } },
});

/** GET of a page that only those may read whom `HTTPServer.operations` allows. */
export const operatorsPage = (
  operationId: string,
  summary: string,
  responses: Answers,
  parameters: readonly Parameter[] = [],
): HandlerOperation =>
  page(operationId, summary, { ...guarded(responses), ...problems('operations-refused', 'cross-site') }, parameters);

/** Pages of other sites may neither read them nor have them as a part. */
const GUARDS: Answer['headers'] = {
  'Cross-Origin-Resource-Policy': { required: true, schema: { const: 'same-origin' } },
  'X-Content-Type-Options': { required: true, schema: { const: 'nosniff' } },
};

function guarded({ 200: found, ...others }: Answers): Answers {
  return found ? { ...others, 200: { ...found, headers: { ...found.headers, ...GUARDS } } } : others;
}

export const health = (): HandlerOperation =>
  page('health', 'Whether the process lives', { 200: jsonAnswer('It lives.', schemaOf(healthDocument)) });

export const readiness = (): HandlerOperation =>
  page('ready', 'Whether requests should be sent here', {
    200: jsonAnswer('It is ready.', component('Readiness')),
    503: jsonAnswer(
      'It is not ready: it is draining, or no connection to RabbitMQ can be opened.',
      component('Readiness'),
    ),
  });

export const openApi = (): HandlerOperation =>
  operatorsPage('openApi', 'This document', {
    200: jsonAnswer('OpenAPI 3.1', schemaOf(v.looseObject({ openapi: v.string() }))),
  });

/** What people look at, and what it loads. */
const fileAnswer = (description: string, mediaType: string, headers: Answer['headers']): Answer => ({
  description,
  headers: {
    ...REQUEST_ID_HEADER,
    'Cache-Control': { required: true, schema: { const: 'no-cache' } },
    ...headers,
  },
  content: { [mediaType]: { schema: {} } },
});

export const dashboard = (): HandlerOperation =>
  operatorsPage('dashboard', 'A page for people', {
    200: fileAnswer('HTML', 'text/html', {
      'Content-Security-Policy': { required: true, schema: { type: 'string' } },
      'X-Frame-Options': { required: true, schema: { const: 'DENY' } },
    }),
  });

export const favicon = (): HandlerOperation =>
  operatorsPage('favicon', "The page's icon", {
    200: fileAnswer('The icon.', '*/*', {}),
    ...problems('operations-refused', 'cross-site', 'no-such-path'),
  });

export const asset = (): HandlerOperation => ({
  ...operatorsPage('asset', 'A file that the page loads', {
    200: fileAnswer('The file.', '*/*', {}),
    ...problems('operations-refused', 'cross-site', 'no-such-path'),
  }),
  path: [{ name: 'name', in: 'path', required: true, schema: { type: 'string', pattern: '^[\\w-][\\w.-]*$' } }],
  template: '/static/{name}',
});

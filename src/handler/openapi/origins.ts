import { REQUEST_ID_HEADER } from './answers.ts';
import type { Answers, Header, Operation } from './operation.ts';
import { problems } from './problems.ts';

/** What a browser is told for a page of `HTTPServer.origins`. @see https://fetch.spec.whatwg.org/#http-cors-protocol */
const ORIGIN_HEADERS: Readonly<Record<string, Header>> = {
  'Access-Control-Allow-Origin': {
    description: "the page's origin, where that is one that may publish; so all of these",
    schema: { type: 'string' },
  },
  'Access-Control-Allow-Credentials': { schema: { const: 'true' } },
  'Access-Control-Expose-Headers': { schema: { type: 'string' } },
  Vary: { schema: { const: 'Origin' } },
};

/** The same answers, which scripts of those pages may read. */
export function readable(answers: Answers): Answers {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [
      status,
      { ...answer, headers: { ...answer.headers, ...ORIGIN_HEADERS } },
    ]),
  );
}

/** What their browsers ask before they post to a path. */
export function preflight(operationId: string): Operation {
  return {
    operationId: `${operationId}Preflight`,
    summary: 'Whether a script of another origin may post here (CORS)',
    responses: {
      204: {
        description: 'It may.',
        headers: {
          ...REQUEST_ID_HEADER,
          ...ORIGIN_HEADERS,
          'Access-Control-Allow-Methods': { required: true, schema: { const: 'POST' } },
          'Access-Control-Allow-Headers': { description: 'what was asked for', schema: { type: 'string' } },
          'Access-Control-Max-Age': { required: true, schema: { type: 'integer' } },
        },
      },
      ...problems('method-not-allowed'),
    },
  };
}

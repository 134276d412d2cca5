import { REQUEST_ID } from '../request-id.ts';
import type { Answer, Header } from './operation.ts';
import type { Schema } from './schema.ts';

export const REQUEST_ID_HEADER: Readonly<Record<string, Header>> = {
  'X-Request-Id': {
    description: "the request's own where that is acceptable, else a new one; the logs have it too",
    required: true,
    schema: { type: 'string', pattern: REQUEST_ID.source },
  },
};

/** What is true now, and nobody may keep. */
export function freshAnswer(description: string, mediaType: string, schema: Schema): Answer {
  return {
    description,
    headers: { ...REQUEST_ID_HEADER, 'Cache-Control': { required: true, schema: { const: 'no-store' } } },
    content: { [mediaType]: { schema } },
  };
}

export const jsonAnswer = (description: string, schema: Schema): Answer =>
  freshAnswer(description, 'application/json', schema);

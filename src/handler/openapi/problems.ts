import { ACCEPTED_CODINGS } from '../content-coding.ts';
import { BASIC_CHALLENGE, BEARER_CHALLENGE } from '../credentials.ts';
import { PROBLEM_TYPES, type ProblemKind, type ProblemType, typeOf } from '../problem.ts';
import { problemDocument } from '../problem-document.ts';
import { REQUEST_ID_HEADER } from './answers.ts';
import { component } from './components.ts';
import type { Answer, Answers, Header } from './operation.ts';

/** What may be wrong with any request, whatever is asked for. */
const ANYWHERE: readonly ProblemKind[] = [
  'malformed-request',
  'request-timeout',
  'expectation-failed',
  'unsupported-transfer-coding',
  'headers-too-large',
  'internal',
];

/** What is wrong with a request that is none of the document's. */
const ELSEWHERE: readonly ProblemKind[] = [...ANYWHERE, 'no-such-path', 'method-not-allowed'];

/** What can be wrong with a batch only. */
export const BATCH_PROBLEMS: readonly ProblemKind[] = [
  'invalid-batch',
  'batch-too-large',
  'batch-refused',
  'batch-retriable',
  'batch-unknown',
];

/** The answers to a request that is none of the document's. */
export const elsewhere = (): Answers => answersOf(ELSEWHERE);

/** The answers of an operation that goes wrong in these ways, and in those that any does. */
export const problems = (...kinds: ProblemKind[]): Answers => answersOf([...ANYWHERE, ...kinds]);

/** The answers of an operation that may go wrong in every way but these. Nobody reads what is told a client that is gone. */
export function problemsBut(...kinds: ProblemKind[]): Answers {
  const left: ReadonlySet<string> = new Set<ProblemKind>([...kinds, ...ELSEWHERE, 'client-gone']);
  const isOwn = (kind: string): kind is ProblemKind => kind in PROBLEM_TYPES && !left.has(kind);
  return problems(...Object.keys(PROBLEM_TYPES).filter(isOwn));
}

function answersOf(kinds: readonly ProblemKind[]): Answers {
  const types = kinds.map((kind) => PROBLEM_TYPES[kind]);
  const statuses = [...new Set(types.map(({ status }) => status))];
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      problemAnswer(
        status,
        types.filter((type) => type.status === status),
      ),
    ]),
  );
}

const PUBLISHED = problemDocument.entries.published.pipe[0].options;

function problemAnswer(status: number, types: readonly ProblemType[]): Answer {
  const slugs = [...new Set(types.map(({ slug }) => slug))];
  return {
    description: types.map(({ slug, title }) => `\`${slug}\`: ${title}.`).join('\n\n'),
    headers: {
      ...REQUEST_ID_HEADER,
      'Statelessd-Error': {
        description: 'the problem in short, for clients that never see the body of an error',
        required: true,
        schema: { type: 'string', pattern: `^(${slugs.join('|')}); published=(${PUBLISHED.join('|')})$` },
      },
      ...(types.some(({ retryAfter }) => retryAfter !== undefined) && { 'Retry-After': RETRY_AFTER }),
      ...EXTRA[status],
    },
    content: {
      'application/problem+json': {
        schema: {
          ...component('Problem'),
          properties: { type: { enum: slugs.map(typeOf) }, status: { const: status } },
        },
      },
    },
  };
}

const RETRY_AFTER: Header = {
  description: 'seconds after which a retry makes sense, where nothing was written to the broker',
  schema: { type: 'integer', minimum: 0 },
};

/** Headers that a status has by itself. */
const EXTRA: Readonly<Record<number, Readonly<Record<string, Header>>>> = {
  401: { 'WWW-Authenticate': { required: true, schema: { enum: [BASIC_CHALLENGE, BEARER_CHALLENGE] } } },
  415: { 'Accept-Encoding': { required: true, schema: { const: ACCEPTED_CODINGS } } },
  405: { Allow: { description: 'the methods of this path', required: true, schema: { type: 'string' } } },
};

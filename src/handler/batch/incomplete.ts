import { type BatchProblemKind, PROBLEM_TYPES, problem, typeOf } from '../problem.ts';
import type { BatchResult } from '../problem-document.ts';
import type { PublishFailure, PublishOutcome } from '../publisher.ts';

/** The answer to a batch of which not every message was confirmed: never a 2xx, for many clients look no further. */
export function incompleteBatch(outcomes: readonly PublishOutcome[], requestId: string): Response {
  const failures = outcomes.flatMap((outcome) => (outcome.kind === 'confirmed' ? [] : outcome));
  return problem(kindOf(failures), {
    requestId,
    published: 'partial',
    detail: `${failures.length} of ${outcomes.length} messages were not confirmed`,
    results: outcomes.map(resultOf),
  });
}

/** What the client can do about it decides: look what is there, try again what failed, or give that up. */
function kindOf(failures: readonly PublishFailure[]): BatchProblemKind {
  if (failures.some(({ published }) => published === 'unknown')) return 'batch-unknown';
  return failures.some(({ kind }) => PROBLEM_TYPES[kind].retryAfter !== undefined)
    ? 'batch-retriable'
    : 'batch-refused';
}

function resultOf(outcome: PublishOutcome, index: number): BatchResult {
  if (outcome.kind === 'confirmed')
    return { index, status: 204, ...(!outcome.routed && { detail: 'no queue took it' }), published: 'yes' };
  const { slug, status, title } = PROBLEM_TYPES[outcome.kind];
  return { index, status, type: typeOf(slug), detail: outcome.detail ?? title, published: outcome.published };
}

import type { FieldError } from '../message/fields.ts';
import { readContentType } from '../message/media-type.ts';
import type { Addressed } from '../publisher.ts';
import { Turns } from '../turns.ts';
import { type BatchContext, toBatchMessage } from './batch-message.ts';
import { encodeTogether } from './body-text.ts';
import { itemsOf, linesOf } from './elements.ts';
import { isShort, parseLong, parseShort } from './json-text.ts';

/** What is wrong with one message of a batch; `index` is its place, from 0. */
export interface BatchError extends FieldError {
  readonly index: number;
}

export type BatchResult =
  | { readonly kind: 'batch'; readonly messages: readonly Addressed[] }
  | { readonly kind: 'no-array' | 'malformed'; readonly message: string }
  | { readonly kind: 'invalid'; readonly errors: readonly BatchError[] }
  | { readonly kind: 'too-many' };

export type BatchForm = 'lines' | 'array';

/** The form of a request body that is a batch, by its Content-Type. */
export function batchFormOf(contentType: string | null): BatchForm | undefined {
  const type = readContentType(contentType);
  switch (type.kind === 'one' ? type.essence : undefined) {
    case 'application/x-ndjson':
      return 'lines';
    case 'application/json':
      return 'array';
    default:
      return undefined;
  }
}

/** Errors that are listed; who has more has to start over anyway. */
const MAX_ERRORS = 1_000;

/** The messages of a batch, all of them judged: everything that is wrong is listed at once. */
export async function toBatch(body: Uint8Array, form: BatchForm, context: BatchContext): Promise<BatchResult> {
  const turns = new Turns();
  // No text takes more bytes than its JSON.
  const encode = encodeTogether(body.length);
  const messages: Addressed[] = [];
  const errors: BatchError[] = [];
  const elements = (form === 'lines' ? linesOf : itemsOf)(body);
  let step = elements.next();
  for (let index = 0; !step.done; step = elements.next()) {
    if (step.value !== 'turn') {
      if (index >= context.maxMessages) return { kind: 'too-many' };
      const json = isShort(step.value) ? parseShort(step.value) : await parseLong(step.value, turns);
      const judged = toBatchMessage(json, context, turns, encode);
      const made = judged instanceof Promise ? await judged : judged;
      if (made.ok) messages.push(made.message);
      else for (const error of made.errors) errors.push({ index, ...error });
      if (errors.length >= MAX_ERRORS) break;
      index += 1;
    }
    if (turns.due) await turns.next();
  }
  if (step.done && !step.value.ok) return { kind: step.value.kind, message: step.value.message };
  return errors.length > 0 ? { kind: 'invalid', errors } : { kind: 'batch', messages };
}

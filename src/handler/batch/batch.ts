import { headersSize } from '../message/compact.ts';
import type { FieldError } from '../message/fields.ts';
import { readContentType } from '../message/media-type.ts';
import type { Addressed } from '../publisher.ts';
import { Turns } from '../turns.ts';
import { type BatchContext, type BatchMessage, toBatchMessage } from './batch-message.ts';
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
  | { readonly kind: 'too-many' | 'no-room' };

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

/**
 * The messages of a batch, all of them judged: everything that is wrong is listed at once.
 *
 * @param body the bodies of the messages are put in its place
 */
export async function toBatch(body: Uint8Array, form: BatchForm, context: BatchContext): Promise<BatchResult> {
  const turns = new Turns();
  const messages: Addressed[] = [];
  const errors: BatchError[] = [];
  const room = new Reservations(context.reserve);
  const elements = (form === 'lines' ? linesOf : itemsOf)(body);
  let step = elements.next();
  for (let index = 0; !step.done; step = elements.next()) {
    if (step.value !== 'turn') {
      if (index >= context.maxMessages) return { kind: 'too-many' };
      const judging = judge(step.value, context, turns);
      const judged = judging instanceof Promise ? await judging : judging;
      if (judged.ok) {
        messages.push(judged.message);
        if (!room.add(memoryOf(judged.message, step.value))) return { kind: 'no-room' };
      } else for (const error of judged.errors) errors.push({ index, ...error });
      if (errors.length >= MAX_ERRORS) break;
      index += 1;
    }
    if (turns.due) await turns.next();
  }
  if (step.done && !step.value.ok) return { kind: step.value.kind, message: step.value.message };
  if (errors.length > 0) return { kind: 'invalid', errors };
  return room.settle() ? { kind: 'batch', messages } : { kind: 'no-room' };
}

function judge(json: Uint8Array, context: BatchContext, turns: Turns): BatchMessage | Promise<BatchMessage> {
  if (isShort(json)) return toBatchMessage(parseShort(json), json, context, turns);
  return context.longTexts.run(async () => toBatchMessage(await parseLong(json, turns), json, context, turns));
}

/** What a message takes beside its texts: objects, and promises when it is published. */
const OBJECTS = 1_024;

/** More than the names and the short strings of a message can take. */
const MAX_STRINGS = 4_096;

/** What a message takes in memory beside the body of the request, where its own body is. */
const memoryOf = ({ message }: Addressed, json: Uint8Array): number =>
  OBJECTS + Math.min(json.length - message.body.length, MAX_STRINGS) + headersSize(message);

/** Asks for room in few steps. */
class Reservations {
  readonly #reserve: (bytes: number) => boolean;
  #owed = 0;

  constructor(reserve: (bytes: number) => boolean) {
    this.#reserve = reserve;
  }

  add(bytes: number): boolean {
    this.#owed += bytes;
    return this.#owed < STEP || this.settle();
  }

  settle(): boolean {
    const owed = this.#owed;
    this.#owed = 0;
    return this.#reserve(owed);
  }
}

const STEP = 65_536;

import type { Message } from '../publisher.ts';
import { type FieldError, maxFields, type ParsedFields } from './fields.ts';
import { parseForm } from './form.ts';
import { type PropertyDefaults, type RequestContext, toProperties } from './properties.ts';
import { brokenEscape, parseUrlencoded } from './urlencoded.ts';
import { byteStringToBytes } from './utf8.ts';

/** A request to publish, as far as it makes the message; its headers are `null` where it has none. */
export interface MessageRequest extends RequestContext {
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  /** The raw query string, without the question mark. */
  readonly query: string;
  /** The raw body. The message's body may be a view of it. */
  readonly body: Uint8Array;
}

/**
 * `encoded`: the message's body is still percent-encoded, see `decodeInTurns`. `malformed`: fields cannot be told apart. `invalid`: they can, and all that is wrong with them is listed.
 * `unsupported-encoding`: a form under a Content-Encoding.
 */
export type MessageResult =
  | { readonly kind: 'message'; readonly message: Message; readonly encoded?: true }
  | Malformed
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] }
  | { readonly kind: 'unsupported-encoding' };

export interface Malformed {
  readonly kind: 'malformed';
  readonly message: string;
  readonly errors?: readonly FieldError[];
}

/** The message that a request asks to publish: its body, byte by byte, and its properties. */
export function toMessage(request: MessageRequest, defaults: PropertyDefaults): MessageResult {
  const form = parseForm(request.contentType, request.contentEncoding, request.body);
  if (form.kind === 'unsupported-encoding') return form;
  if (form.kind === 'malformed') return malformed('the form is broken', form);
  const isForm = form.kind === 'form';
  const fields = isForm ? form.fields : [];
  const query = parseQuery(request.query, maxFields - fields.length);
  if (!query.ok) return malformed('the query string is broken', query);
  const body = isForm ? form.body?.value : request.body;
  const result = toProperties(
    {
      contentType: isForm ? null : request.contentType,
      contentEncoding: isForm ? null : request.contentEncoding,
      query: query.fields,
      form: fields,
      idempotencyKey: request.idempotencyKey ?? null,
      traceparent: request.traceparent ?? null,
      tracestate: request.tracestate ?? null,
    },
    defaults,
  );
  const bodyErrors = body === undefined ? [{ field: 'body', message: 'is required (it may be empty)' }] : [];
  if (!result.ok) return { kind: 'invalid', errors: [...bodyErrors, ...result.errors] };
  if (body === undefined) return { kind: 'invalid', errors: bodyErrors };
  const message = { body, properties: result.properties, unroutable: result.unroutable };
  return isForm && form.body?.encoded ? { kind: 'message', message, encoded: true } : { kind: 'message', message };
}

const noFields: ParsedFields = { ok: true, fields: [] };

function parseQuery(query: string, limit: number): ParsedFields {
  return query === '' ? noFields : parseUrlencoded(byteStringToBytes(query), limit);
}

/** What is wrong with a body that cannot be decoded. */
export const malformedBody = malformed('the form is broken', { field: 'body', message: brokenEscape });

function malformed(what: string, why: { readonly message: string; readonly field?: string }): Malformed {
  const { field, message } = why;
  if (field === undefined) return { kind: 'malformed', message: `${what}: ${message}` };
  return { kind: 'malformed', message: `${what}: ${field}: ${message}`, errors: [{ field, message }] };
}

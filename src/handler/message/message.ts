import type { Message } from '../publisher.ts';
import { isKnownField } from './field-names.ts';
import { type Field, type FieldError, type FieldsFault, lastOf, maxFields, type ParsedFields } from './fields.ts';
import { parseForm } from './form.ts';
import { brokenEscape } from './percent-decoding.ts';
import { type PropertyDefaults, type RequestContext, toProperties } from './properties.ts';
import { parseUrlencoded } from './urlencoded.ts';
import { byteStringToBytes } from './utf8.ts';

/** A request to publish, as far as it makes the message; its headers are `null` where it has none. */
export interface MessageRequest extends RequestContext {
  readonly contentType: string | null;
  /** Of a raw body, which stays as it is. A form's has been decoded. */
  readonly contentEncoding: string | null;
  /** The raw query string, without the question mark. */
  readonly query: string;
  /** The body. The message's body may be a view of it. */
  readonly body: Uint8Array;
}

/**
 * `encoded`: the message's body is still percent-encoded, see `decodeInTurns`. `malformed`: fields cannot be told apart.
 * `invalid`: they can, and all that is wrong with them is listed.
 */
export type MessageResult =
  | { readonly kind: 'message'; readonly message: Message; readonly encoded?: true }
  | Malformed
  | Invalid;

export interface Invalid {
  readonly kind: 'invalid';
  readonly errors: readonly FieldError[];
  readonly detail?: string;
}

export interface Malformed {
  readonly kind: 'malformed';
  readonly message: string;
  readonly errors?: readonly FieldError[];
}

/** The message that a request asks to publish: its body, byte by byte, and its properties. */
export function toMessage(request: MessageRequest, defaults: PropertyDefaults): MessageResult {
  const form = parseForm(request.contentType, request.body);
  if (form.kind === 'not-one-type') return malformed('the request is ambiguous', form);
  if (form.kind === 'malformed') return malformedForm(form, request.contentType);
  const isForm = form.kind === 'form';
  const fields = isForm ? form.fields : [];
  const query = parseQuery(request.query, maxFields - fields.length);
  if (!query.ok) return malformed('the query string is broken', query);
  const body = isForm ? form.body : rawBody(request.body, query.fields);
  const result = toProperties(
    {
      contentType: isForm ? null : request.contentType,
      contentEncoding: isForm ? null : request.contentEncoding,
      cloudEvent: isForm ? undefined : request.cloudEvent,
      query: query.fields,
      form: fields,
      idempotencyKey: request.idempotencyKey ?? null,
      traceparent: request.traceparent ?? null,
      tracestate: request.tracestate ?? null,
    },
    defaults,
  );
  if (body === undefined) {
    const errors = [noBody, ...(result.ok ? [] : result.errors)];
    return { kind: 'invalid', errors, detail: `the form has no field body; ${aboutForms(request.contentType)}` };
  }
  if (!result.ok) return { kind: 'invalid', errors: result.errors };
  const message = { body: body.value, properties: result.properties, unroutable: result.unroutable };
  return body.encoded ? { kind: 'message', message, encoded: true } : { kind: 'message', message };
}

type Body = Pick<Field, 'value' | 'encoded'>;

/** Without a body a request may have it in its query string, as in 2013. */
function rawBody(body: Uint8Array, query: readonly Field[]): Body {
  return (body.length === 0 ? lastOf(query, 'body') : undefined) ?? { value: body };
}

const noBody: FieldError = { field: 'body', message: 'is required (it may be empty)' };

/** Most libraries call a bare string a form, and their users do not know that they have sent one. */
const aboutForms = (contentType: string | null): string =>
  `the request's Content-Type is ${contentType}, which is a form. If its body is the message as it is, ` +
  'send the Content-Type of the message, such as application/json or application/octet-stream ' +
  "(curl -H 'Content-Type: application/json' --data-binary …)";

const noFields: ParsedFields = { ok: true, fields: [] };

function parseQuery(query: string, limit: number): ParsedFields {
  return query === '' ? noFields : parseUrlencoded(byteStringToBytes(query), limit);
}

const formIsBroken = 'the form is broken';

/** What is wrong with a body that cannot be decoded. */
export const malformedBody = malformed(formIsBroken, { field: 'body', message: brokenEscape });

/** A form that breaks elsewhere than in a field of ours may not be one. */
function malformedForm(why: FieldsFault, contentType: string | null): Malformed {
  const { field, message } = why;
  const named = malformed(formIsBroken, why);
  if (field !== undefined && isKnownField(field)) return named;
  return {
    kind: 'malformed',
    message: `${named.message}; ${aboutForms(contentType)}`,
    errors: named.errors ?? [{ field: 'body', message: `expected a form: ${message}` }],
  };
}

function malformed(what: string, { field, message }: FieldsFault): Malformed {
  if (field === undefined) return { kind: 'malformed', message: `${what}: ${message}` };
  return { kind: 'malformed', message: `${what}: ${field}: ${message}`, errors: [{ field, message }] };
}

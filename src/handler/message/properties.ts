import type { Properties, Unroutable } from '../publisher.ts';
import { type CloudEvent, readCloudEvent } from './cloud-events.ts';
import { misnamed, ruleOf } from './field-names.ts';
import { type Field, type FieldError, shownName } from './fields.ts';
import { isHeaderField } from './header-fields.ts';
import { maxHeadersJson } from './headers-schema.ts';
import { toMessageId } from './idempotency-key.ts';
import { completeHeaders, type TraceContext } from './message-headers.ts';
import type { PropertyRule, StatedProperties } from './property-table.ts';
import { decodeByteString, decodeUtf8, isShortString, maxShortString } from './utf8.ts';

/** What holds where a message says nothing (`Application.publishing` of the configuration). */
export interface PropertyDefaults {
  readonly deliveryMode: 1 | 2;
  readonly unroutable: Unroutable;
}

/** Request headers that add to a message what it does not say itself. */
export interface RequestContext extends TraceContext {
  /** Becomes `message_id`. */
  readonly idempotencyKey?: string | null;
  /** The `ce-*` headers of a raw body, by their names in lower case. Its id becomes `message_id` in the last place. */
  readonly cloudEvent?: ReadonlyMap<string, string> | undefined;
}

/** Where properties may stand, the weakest first: a source wins over those before it. */
export interface PropertySources extends RequestContext {
  /** The request's Content-Type, of a raw body only: a form's speaks of the form. */
  readonly contentType?: string | null;
  /** The request's Content-Encoding, of a raw body only. */
  readonly contentEncoding?: string | null;
  readonly query: readonly Field[];
  readonly form: readonly Field[];
}

export type PropertiesResult =
  | { readonly ok: true; readonly properties: Properties; readonly unroutable: Unroutable }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** A property as one source gives it, and the name it has there. */
interface Given {
  readonly rule: PropertyRule;
  readonly field: string;
  /** A form's bytes, a header's text (`undefined`: it is not UTF-8), or a JSON value. */
  readonly value: unknown;
}

/** What a request says of its message, found but not judged yet. A property stands under its AMQP name. */
interface Gathered {
  readonly properties: Map<string, Given>;
  /** `headers[name]` fields, of each source that still counts. */
  headerFields: (readonly Field[])[];
  readonly errors: FieldError[];
}

/** The properties of a message from everything that may state them; all that is wrong with them is listed at once. */
export function toProperties(sources: PropertySources, defaults: PropertyDefaults): PropertiesResult {
  const gathered: Gathered = { properties: new Map(), headerFields: [], errors: [] };
  gatherRequestHeader(gathered, 'content_type', 'Content-Type', sources.contentType);
  gatherRequestHeader(gathered, 'content_encoding', 'Content-Encoding', sources.contentEncoding);
  gatherFields(gathered, sources.query);
  gatherFields(gathered, sources.form);
  const result = judge(gathered, 'text', sources, defaults);
  return result.ok ? result : { ok: false, errors: inFieldOrder(result.errors, [...sources.query, ...sources.form]) };
}

/** Errors of request headers come first, then those of fields in the order of the fields. */
function inFieldOrder(errors: readonly FieldError[], fields: readonly Field[]): readonly FieldError[] {
  const names = fields.map((field) => shownName(field.name));
  return errors.toSorted((a, b) => names.lastIndexOf(a.field) - names.lastIndexOf(b.field));
}

/** The properties that a JSON object states by name and with JSON's types. `null` and `""` state nothing. */
export function toPropertiesOfJson(
  json: Readonly<Record<string, unknown>>,
  context: RequestContext,
  defaults: PropertyDefaults,
): PropertiesResult {
  const properties = new Map<string, Given>();
  for (const field of Object.keys(json)) {
    const value = json[field];
    const rule = ruleOf(field);
    if (rule === undefined || value === undefined || value === null || value === '') continue;
    properties.set(rule.names[0], { rule, field, value });
  }
  return judge({ properties, headerFields: [], errors: [] }, 'json', context, defaults);
}

function gatherRequestHeader(into: Gathered, name: string, field: string, value: string | null | undefined): void {
  const rule = ruleOf(name);
  if (rule !== undefined && value) into.properties.set(name, { rule, field, value: decodeByteString(value) });
}

function gatherFields(into: Gathered, fields: readonly Field[]): void {
  if (fields.length === 0) return;
  // The last of a repeated property wins, and only then is an empty one absent, so that a weaker source shows through.
  const last = new Map<PropertyRule, Field>();
  const headerFields: Field[] = [];
  for (const field of fields) {
    const rule = ruleOf(field.name);
    if (rule !== undefined) last.set(rule, field);
    else if (isHeaderField(field.name)) headerFields.push(field);
    else if (field.name !== 'body') judgeUnknown(field.name, into.errors);
  }
  for (const [rule, { name, value: given }] of last) {
    const value = rule.isText ? given : withoutSpace(given);
    if (value.length > 0) into.properties.set(rule.names[0], { rule, field: shownName(name), value });
    // `headers` states all of them, `headers[name]` one more.
    if (value.length > 0 && rule.names[0] === 'headers') into.headerFields = [];
  }
  if (headerFields.length > 0) into.headerFields.push(headerFields);
}

function judgeUnknown(name: string, errors: FieldError[]): void {
  const message = misnamed(name);
  if (message !== undefined) errors.push({ field: shownName(name), message });
}

/** ASCII white space around a number, a date or a word is no part of it. */
function withoutSpace(value: Uint8Array): Uint8Array {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value[start])) start += 1;
  while (end > start && isSpace(value[end - 1])) end -= 1;
  return value.subarray(start, end);
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13);

/** Bytes of which no property's value can have more: three for each character of the longest text that `headers` takes. */
const maxValueBytes = 3 * maxHeadersJson + 1;

/** Of what is too long for any property no more is decoded than shows that. */
function toText(value: Uint8Array): string | undefined {
  if (value.length <= maxValueBytes) return decodeUtf8(value);
  return new TextDecoder().decode(value.subarray(0, maxValueBytes));
}

function judge(
  gathered: Gathered,
  form: 'text' | 'json',
  context: RequestContext,
  defaults: PropertyDefaults,
): PropertiesResult {
  const stated: StatedProperties = {};
  const errors: FieldError[] = [...gathered.errors];
  for (const { rule, field, value } of gathered.properties.values()) {
    const decoded = value instanceof Uint8Array ? toText(value) : value;
    const messages = decoded === undefined ? ['expected UTF-8'] : rule.judge(decoded, form, stated);
    for (const message of messages) errors.push({ field, message });
  }
  const event = context.cloudEvent && readCloudEvent(context.cloudEvent, errors);
  const headers = completeHeaders(stated.headers, gathered.headerFields, context, event, errors);
  if (headers !== undefined) stated.headers = headers;
  if (!gathered.properties.has('message_id')) nameMessage(stated, context.idempotencyKey, event, errors);
  if (errors.length > 0) return { ok: false, errors };
  const { unroutable = defaults.unroutable, ...properties } = stated;
  return { ok: true, properties: { deliveryMode: defaults.deliveryMode, ...properties }, unroutable };
}

/** A message that has no id of its own has the one of the request, or else of the event. */
function nameMessage(
  stated: StatedProperties,
  idempotencyKey: string | null | undefined,
  event: CloudEvent | undefined,
  errors: FieldError[],
): void {
  const given = idempotencyKey ? toMessageId(idempotencyKey) : undefined;
  if (given && !given.ok) errors.push({ field: 'Idempotency-Key', message: given.message });
  else if (given?.messageId !== undefined) stated.messageId = given.messageId;
  else if (event?.id !== undefined && isShortString(event.id)) stated.messageId = event.id;
  else if (event?.id !== undefined) errors.push({ field: 'ce-id', message: expectedMessageId });
}

const expectedMessageId = `expected at most ${maxShortString} bytes of UTF-8, for it becomes message_id`;

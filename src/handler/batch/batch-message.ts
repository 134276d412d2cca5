import { compact } from '../message/compact.ts';
import type { FieldError } from '../message/fields.ts';
import type { TraceContext } from '../message/message-headers.ts';
import { type PropertyDefaults, toPropertiesOfJson } from '../message/properties.ts';
import { type ExchangeNames, withoutVoidReturn } from '../message/void-returns.ts';
import { writtenHeaders } from '../message/written-numbers.ts';
import type { Addressed } from '../publisher.ts';
import { exchangeOf, judgeName } from '../target.ts';
import type { OneAtATime, Turns } from '../turns.ts';
import { decodeBase64, encodeText } from './body-text.ts';
import type { JsonResult } from './json-text.ts';

/** What holds for all messages of a batch. */
export interface BatchContext {
  readonly vhost: string;
  /** The path's; undefined where each message names its own. */
  readonly exchange: string | undefined;
  readonly trace: TraceContext;
  readonly defaults: PropertyDefaults & { readonly ignoreReturnsOf: readonly ExchangeNames[] };
  readonly maxMessages: number;
  /** Asks for room in memory for so many bytes more. */
  readonly reserve: (bytes: number) => boolean;
  /** Texts of megabytes take several times their length while they are parsed: one does at a time. */
  readonly longTexts: OneAtATime;
}

type Json = Readonly<Record<string, unknown>>;

export type BatchMessage =
  | { readonly ok: true; readonly message: Addressed }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/**
 * One message of a batch; with a long body it takes several turns.
 *
 * @param source the bytes of the JSON, in whose place the body is put
 */
export function toBatchMessage(
  json: JsonResult,
  source: Uint8Array,
  context: BatchContext,
  turns: Turns,
): BatchMessage | Promise<BatchMessage> {
  if (!json.ok) return { ok: false, errors: [{ field: 'message', message: json.message }] };
  const { value, text } = json;
  if (!isObject(value)) return { ok: false, errors: [{ field: 'message', message: 'expected a JSON object' }] };
  const body = bodyOf(value, source, turns);
  const headers = writtenHeaders(value.headers, text, ['headers'], turns);
  return body instanceof Promise || headers instanceof Promise
    ? Promise.all([headers, body]).then(([stated, decoded]) => assemble(value, stated, decoded, context))
    : assemble(value, headers, body, context);
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function assemble(
  json: Json,
  headers: unknown,
  body: BodyResult,
  { vhost, exchange, trace, defaults }: BatchContext,
): BatchMessage {
  const errors: FieldError[] = [];
  const to = exchangeIn(json, exchange, errors);
  const routingKey = nameIn(json, 'routing_key', errors) ?? '';
  if (!body.ok) errors.push(body.error);
  const stated = headers === json.headers ? json : { ...json, headers };
  const made = toPropertiesOfJson(stated, trace, defaults);
  if (!made.ok) errors.push(...made.errors);
  if (!made.ok || !body.ok || errors.length > 0) return { ok: false, errors };
  const { properties, unroutable } = made;
  const address = { vhost, exchange: to, routingKey };
  const message = { body: body.bytes, properties, unroutable };
  return {
    ok: true,
    message: { address, message: compact(withoutVoidReturn(address, message, defaults.ignoreReturnsOf)) },
  };
}

/** Where the path names an exchange, messages name none, or the same. */
function exchangeIn(json: Json, ofPath: string | undefined, errors: FieldError[]): string {
  const name = nameIn(json, 'exchange', errors);
  const exchange = name === undefined ? ofPath : exchangeOf(name);
  if (exchange === undefined) {
    if (json.exchange === undefined)
      errors.push({ field: 'exchange', message: 'is required, for the path names none' });
    return '';
  }
  if (ofPath !== undefined && exchange !== ofPath)
    errors.push({ field: 'exchange', message: 'expected the exchange that the path names, or none' });
  return exchange;
}

function nameIn(json: Json, field: string, errors: FieldError[]): string | undefined {
  const name = json[field];
  if (name === undefined) return undefined;
  const judged = typeof name === 'string' ? judgeName(name) : { ok: false as const, message: 'expected a string' };
  if (judged.ok) return judged.value;
  errors.push({ field, message: judged.message });
  return undefined;
}

type BodyResult =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly error: FieldError };

function bodyOf(json: Json, source: Uint8Array, turns: Turns): BodyResult | Promise<BodyResult> {
  const { body, body_base64 } = json;
  if (body !== undefined && body_base64 !== undefined)
    return wrong('body', 'expected either body or body_base64, found both');
  if (body !== undefined) {
    if (typeof body !== 'string') return wrong('body', 'expected a string');
    return orWrong(encodeText(body, source, turns), 'body', 'expected well-formed Unicode, found a lone surrogate');
  }
  if (typeof body_base64 === 'string')
    return orWrong(decodeBase64(body_base64, source, turns), 'body_base64', 'expected base64 (RFC 4648), padded');
  if (body_base64 !== undefined) return wrong('body_base64', 'expected a string');
  return wrong('body', 'is required (it may be empty), or body_base64');
}

type Bytes = Uint8Array | undefined;

function orWrong(bytes: Bytes | Promise<Bytes>, field: string, message: string): BodyResult | Promise<BodyResult> {
  if (bytes instanceof Promise) return bytes.then((decoded) => orWrong(decoded, field, message));
  return bytes === undefined ? wrong(field, message) : { ok: true, bytes };
}

const wrong = (field: string, message: string): BodyResult => ({ ok: false, error: { field, message } });

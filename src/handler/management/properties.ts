import { toHeaderTable } from '../message/headers-table.ts';
import type { PropertyDefaults } from '../message/properties.ts';
import { encodedTableSize, expectedSize, isArray, isTable, maxEncodedHeaders } from '../message/table-size.ts';
import { isShortString, maxShortString } from '../message/utf8.ts';
import { MarkedJson } from '../message/written-numbers.ts';
import { findBadDeaths } from '../message/x-death.ts';
import type { HeaderTable, HeaderValue, Properties } from '../publisher.ts';

/** As the plugin has them: words, or a word and the value that it is about. */
export type Reason = string | readonly unknown[];

/** Why there is no message: a reason that the plugin tells, or one at which it fails itself (500). */
export type Fault =
  | { readonly kind: 'bad-request'; readonly reason: Reason }
  | { readonly kind: 'crash'; readonly reason: string };

type Json = Readonly<Record<string, unknown>>;

/** In the order in which the plugin looks at them, and so finds the first that is wrong. */
const PROPERTIES: readonly (readonly [name: string, type: 'string' | 'integer' | 'table'])[] = [
  ['content_type', 'string'],
  ['content_encoding', 'string'],
  ['headers', 'table'],
  ['delivery_mode', 'integer'],
  ['priority', 'integer'],
  ['correlation_id', 'string'],
  ['reply_to', 'string'],
  ['expiration', 'string'],
  ['message_id', 'string'],
  ['timestamp', 'integer'],
  ['type', 'string'],
  ['user_id', 'string'],
  ['app_id', 'string'],
  ['cluster_id', 'string'],
];

export type ManagedProperties = Fault | { readonly kind: 'properties'; readonly properties: Properties };

export function toManagedProperties(json: unknown, defaults: PropertyDefaults): ManagedProperties {
  const stated = Array.isArray(json) ? undefined : asObject(json);
  if (!stated) return crash('the properties are no object');
  for (const [name, type] of PROPERTIES) {
    const value = stated[name];
    const fault = value === undefined ? undefined : faultOf(name, type, value);
    if (fault) return fault;
  }
  const headers = toHeaderTable(headersIn(stated.headers) ?? {}, 'long');
  const table = headers.ok ? headers.table : NO_HEADERS;
  return refusalOf(stated, table) ?? { kind: 'properties', properties: assemble(stated, table, defaults) };
}

const NO_HEADERS: HeaderTable = new Map();

/** To the plugin, an empty array of headers is an object without members. */
function asObject(json: unknown): Json | undefined {
  if (Array.isArray(json)) return json.length === 0 ? {} : undefined;
  return isObject(json) ? json : undefined;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** Also with marked numbers. */
function headersIn(json: unknown): Json | MarkedJson | undefined {
  if (!(json instanceof MarkedJson)) return asObject(json);
  return asObject(json.value) && json;
}

export const badRequest = (reason: Reason): Fault => ({ kind: 'bad-request', reason });
export const crash = (reason: string): Fault => ({ kind: 'crash', reason });

function faultOf(name: string, type: 'string' | 'integer' | 'table', value: unknown): Fault | undefined {
  switch (type) {
    case 'table':
      return headersFault(value);
    case 'integer':
      return Number.isInteger(value) ? undefined : badRequest(['not_int', name]);
    case 'string':
      if (typeof value !== 'string') return badRequest(['not_string', name]);
      return isShortString(value)
        ? undefined
        : badRequest(`${name}: expected at most ${maxShortString} bytes of UTF-8`);
  }
}

function headersFault(value: unknown): Fault | undefined {
  const json = headersIn(value);
  if (!json) return crash('the headers are no object');
  const made = toHeaderTable(json, 'long');
  if (!made.ok) return badRequest(`headers: ${made.messages.join('; ')}`);
  if (holdsNull(made.table)) return badRequest('null_not_allowed');
  if (encodedTableSize(made.table) > maxEncodedHeaders) return badRequest(`headers: ${expectedSize}`);
  const deaths = findBadDeaths(made.table);
  return deaths.length > 0 ? badRequest(`headers: ${deaths.join('; ')}`) : undefined;
}

function holdsNull(value: HeaderValue): boolean {
  if (value === null) return true;
  if (isArray(value)) return value.some(holdsNull);
  return isTable(value) && [...value.values()].some(holdsNull);
}

/**
 * What the broker would refuse for certain, in its words, and what AMQP's wire cannot carry, in ours. The form of an
 * expiration is left to the broker, which has more to say of it than can be repeated here.
 */
function refusalOf(json: Json, headers: HeaderTable): Fault | undefined {
  const { delivery_mode: deliveryMode, priority, timestamp } = json;
  if (typeof priority === 'number' && !(priority >= 0 && priority <= 255))
    return badRequest('priority: expected an integer from 0 to 255');
  if (typeof timestamp === 'number' && !(timestamp >= 0 && Number.isSafeInteger(timestamp)))
    return badRequest('timestamp: expected seconds since the epoch');
  for (const name of ['CC', 'BCC']) {
    const value = headers.get(name);
    if (value !== undefined && !Array.isArray(value))
      return refused(`invalid message: {unacceptable_type_in_header,"${name}",${erlangTypeOf(value)}}`);
  }
  if (deliveryMode !== undefined && deliveryMode !== 1 && deliveryMode !== 2)
    return refused(`invalid message: {delivery_mode_unknown,${deliveryMode}}`);
  if (json.expiration === '') return refused("invalid expiration '': no_integer");
  if (json.reply_to === 'amq.rabbitmq.reply-to') return refused('fast reply consumer does not exist');
  return undefined;
}

const refused = (text: string): Fault => badRequest(`406 PRECONDITION_FAILED - ${text}`);

function erlangTypeOf(value: HeaderValue): string {
  switch (typeof value) {
    case 'string':
      return 'longstr';
    case 'bigint':
      return 'long';
    case 'number':
      return Number.isInteger(value) ? 'signedint' : 'double';
    case 'boolean':
      return 'bool';
    default:
      return value !== null && 'type' in value ? value.type : 'table';
  }
}

const TEXTS = [
  ['app_id', 'appId'],
  ['cluster_id', 'clusterId'],
  ['content_encoding', 'contentEncoding'],
  ['content_type', 'contentType'],
  ['correlation_id', 'correlationId'],
  ['expiration', 'expiration'],
  ['message_id', 'messageId'],
  ['reply_to', 'replyTo'],
  ['type', 'type'],
  ['user_id', 'userId'],
] as const;

function assemble(json: Json, headers: HeaderTable, defaults: PropertyDefaults): Properties {
  const { delivery_mode: stated, priority, timestamp } = json;
  const properties: Properties = { deliveryMode: stated === 1 || stated === 2 ? stated : defaults.deliveryMode };
  for (const [name, property] of TEXTS) {
    const value = json[name];
    if (typeof value === 'string') properties[property] = value;
  }
  if (typeof priority === 'number') properties.priority = priority;
  if (typeof timestamp === 'number') properties.timestamp = timestamp;
  if (json.headers !== undefined) properties.headers = headers;
  return properties;
}

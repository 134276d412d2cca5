import { decodeBase64, encodeText } from '../batch/body-text.ts';
import { isShort, parseLong, parseShort } from '../batch/json-text.ts';
import { compact } from '../message/compact.ts';
import type { PropertyDefaults } from '../message/properties.ts';
import { isShortString, maxShortString } from '../message/utf8.ts';
import { writtenHeaders } from '../message/written-numbers.ts';
import type { Message } from '../publisher.ts';
import { LONG, type OneAtATime, Turns } from '../turns.ts';
import { badRequest, crash, type Fault, toManagedProperties } from './properties.ts';

/**
 * What the management plugin's publish call is given, judged in its order and with its words.
 *
 * @see https://www.rabbitmq.com/docs/http-api-reference
 */
export type ManagedPublish =
  | Fault
  | { readonly kind: 'message'; readonly routingKey: string; readonly message: Message };

const KEYS = ['routing_key', 'properties', 'payload', 'payload_encoding'] as const;

type Json = Readonly<Record<string, unknown>>;

/**
 * @param body the message's body is put in its place
 * @param longTexts texts of megabytes take several times their length while they are parsed: one does at a time
 */
export function readManagedPublish(
  body: Uint8Array,
  defaults: PropertyDefaults,
  longTexts: OneAtATime,
): Promise<ManagedPublish> {
  return isShort(body) ? read(body, defaults) : longTexts.run(() => read(body, defaults));
}

async function read(body: Uint8Array, defaults: PropertyDefaults): Promise<ManagedPublish> {
  const turns = new Turns();
  const parsed = isShort(body) ? parseShort(body) : await parseLong(body, turns);
  if (body.length > 0 && !parsed.ok) return badRequest('not_json');
  const json = parsed.ok ? parsed.value : undefined;
  if (typeof json === 'string')
    return badRequest('invalid payload: the request body JSON-decoded to a string. Is the input doubly-JSON-encoded?');
  if (typeof json === 'number' || Array.isArray(json)) return badRequest('not_json');
  const object: Json = isObject(json) ? json : {};
  const missing = KEYS.filter((key) => object[key] === undefined);
  if (missing.length > 0) return badRequest(`[${missing.map((key) => `{key_missing,${key}}`).join(',\n ')}]`);
  const properties =
    isObject(object.properties) && parsed.ok
      ? await withWrittenHeaders(object.properties, parsed.text, turns)
      : object.properties;
  return judge({ ...object, properties }, body, defaults, turns);
}

async function withWrittenHeaders(properties: Json, text: string, turns: Turns): Promise<Json> {
  const headers = await writtenHeaders(properties.headers, text, ['properties', 'headers'], turns);
  return headers === properties.headers ? properties : { ...properties, headers };
}

async function judge(
  json: Json,
  source: Uint8Array,
  defaults: PropertyDefaults,
  turns: Turns,
): Promise<ManagedPublish> {
  const { routing_key: routingKey, payload, payload_encoding: encoding } = json;
  if (typeof payload !== 'string') return badRequest('payload_not_string');
  const made = toManagedProperties(json.properties, defaults);
  if (made.kind !== 'properties') return made;
  if (encoding !== 'string' && encoding !== 'base64')
    return badRequest(['unsupported_encoding', typeof encoding === 'object' && encoding !== null ? '…' : encoding]);
  const bytes = await (encoding === 'string'
    ? encodeText(payload, source, turns)
    : decodeBase64(await unspaced(payload, turns), source, turns));
  if (bytes === undefined)
    return badRequest(
      encoding === 'base64' ? ['not_base64', shown(payload)] : 'the payload has a lone surrogate, which UTF-8 has not',
    );
  if (typeof routingKey !== 'string') return crash('the routing key is no string');
  if (!isShortString(routingKey)) return badRequest(`routing_key: expected at most ${maxShortString} bytes of UTF-8`);
  // Whether a queue takes it is what the plugin's answer tells.
  const message = { body: bytes, properties: made.properties, unroutable: 'report' as const };
  return { kind: 'message', routingKey, message: compact(message) };
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Erlang's decoder passes over white space. */
async function unspaced(text: string, turns: Turns): Promise<string> {
  if (!/[ \t\r\n]/.test(text)) return text;
  let unspacedText = '';
  for (let start = 0; start < text.length; start += LONG) {
    unspacedText += text.slice(start, start + LONG).replace(/[ \t\r\n]+/g, '');
    if (turns.due) await turns.next();
  }
  return unspacedText;
}

/** What the plugin tells back whole; of what is very long, the beginning says as much. */
const shown = (text: string): string => (text.length > LONG ? `${text.slice(0, 300)}…` : text);

import type { FieldError } from './fields.ts';
import { expectedName, isHeaderName } from './headers-table.ts';
import { brokenEscape, percentDecode } from './percent-decoding.ts';
import { decodeUtf8 } from './utf8.ts';

/** The prefix of the request headers that carry the attributes of a CloudEvent in HTTP's binary mode. */
export const attributePrefix = 'ce-';

/** The prefix of the AMQP headers that do so, which is also what RabbitMQ 4 shows consumers of AMQP 1.0. */
const headerPrefix = 'cloudEvents_';

/** The attributes of a CloudEvent, by the names that they have as AMQP headers. */
export interface CloudEvent {
  readonly headers: ReadonlyMap<string, string>;
  /** The attribute `id`. */
  readonly id: string | undefined;
}

/**
 * The attributes that a request's `ce-*` headers carry, percent-decoded. What is wrong goes to `errors`.
 *
 * @param given names in lower case, and values with one character for each byte
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#31-binary-content-mode
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/amqp-protocol-binding.md#31-binary-content-mode
 */
export function readCloudEvent(given: ReadonlyMap<string, string>, errors: FieldError[]): CloudEvent {
  const headers = new Map<string, string>();
  for (const [field, value] of given) {
    const attribute = field.slice(attributePrefix.length);
    if (attribute === '' || value === '') continue;
    const name = headerPrefix + attribute;
    const decoded = decodeAttribute(value);
    if (!isHeaderName(name)) errors.push({ field, message: expectedName });
    else if (!decoded.ok) errors.push({ field, message: decoded.message });
    else headers.set(name, decoded.text);
  }
  return { headers, id: headers.get(`${headerPrefix}id`) };
}

type Attribute = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

const quotedString = /^"((?:[^"\\]|\\.)*)"$/s;

/** Section 3.1.3.2: the quotes of a quoted string come off first, then percent-encoding is decoded, once. */
function decodeAttribute(value: string): Attribute {
  const quoted = quotedString.exec(value)?.[1];
  const bytes = percentDecode(quoted?.replace(/\\(.)/gs, '$1') ?? value);
  if (bytes === undefined) return { ok: false, message: brokenEscape };
  const text = decodeUtf8(bytes);
  return text === undefined ? { ok: false, message: 'expected UTF-8' } : { ok: true, text };
}

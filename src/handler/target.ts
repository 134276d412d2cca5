import type { FieldError } from './message/fields.ts';
import { brokenEscape, percentDecode } from './message/percent-decoding.ts';
import { decodeUtf8, isShortString, maxShortString } from './message/utf8.ts';
import type { Address } from './publisher.ts';

export type Target =
  | { readonly ok: true; readonly path: string; readonly query: string }
  | { readonly ok: false; readonly message: string };

export type Segment = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly message: string };

export type AddressResult =
  | { readonly ok: true; readonly address: Address }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** What else may be behind a path that lacks a part, or has one too many. */
export const decodedByProxy =
  'a proxy in front may have decoded it (nginx does where proxy_pass ends with a path, be it only /)';

export const expectedVhost = `expected a vhost; the vhost / is written %2f, and ${decodedByProxy}`;

const absoluteForm = /^https?:\/\/[^/?#]*/i;
const visible = /^[\x21-\x7e]*$/;
const plainSegment = /^[\x21-\x24\x26-\x7e]{0,255}$/;

/**
 * Splits a request target (RFC 9112 section 3.2) as it stood on the request line, in origin or absolute form. Neither
 * part is decoded or normalized: a URL parser would resolve `.`, `..` and `%2e%2e`, which are data here.
 *
 * @returns the path, from its slash on, and the query without its question mark
 */
export function splitTarget(target: string | undefined): Target {
  if (target === undefined) return { ok: false, message: 'the runtime does not give the target of the request line' };
  const rest = target.startsWith('/') ? target : target.replace(absoluteForm, '');
  if (rest === target && !target.startsWith('/')) return { ok: false, message: 'expected a path that starts with /' };
  if (rest.includes('#')) return { ok: false, message: 'a # must be written %23' };
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  if (!visible.test(path)) {
    return { ok: false, message: 'spaces, control and non-ASCII characters in a path must be percent-encoded' };
  }
  if (path !== '' && !path.startsWith('/')) return { ok: false, message: 'expected a path that starts with /' };
  return { ok: true, path: path === '' ? '/' : path, query: queryOf(rest) };
}

/** The query of a target that can be split, without its question mark. */
export function queryOf(target: string | undefined = ''): string {
  const mark = target.indexOf('?');
  return mark < 0 ? '' : target.slice(mark + 1);
}

/**
 * One segment of a path, percent-decoded exactly once as UTF-8 (RFC 3986 section 2.1). A plus is a plus, dots are
 * data. Control characters are refused: nobody names a queue with one, and they forge lines in logs.
 */
export function decodeSegment(raw: string): Segment {
  if (plainSegment.test(raw)) return { ok: true, value: raw };
  if (!visible.test(raw)) return { ok: false, message: 'expected ASCII, anything else percent-encoded' };
  const bytes = percentDecode(raw);
  if (bytes === undefined) return { ok: false, message: brokenEscape };
  const value = decodeUtf8(bytes);
  return value === undefined ? { ok: false, message: 'expected percent-encoded UTF-8' } : judgeName(value);
}

/** A vhost's, an exchange's or a routing key's name, decoded. */
export function judgeName(value: string): Segment {
  if (value.length <= maxShortString && /\p{Cc}/u.test(value))
    return { ok: false, message: 'control characters are not allowed' };
  if (!isShortString(value)) return { ok: false, message: `expected at most ${maxShortString} bytes of UTF-8` };
  return { ok: true, value };
}

/**
 * The address that three raw path segments name. All that is wrong with them is listed at once. `amq.default` is the
 * management plugin's name for the default exchange, whose own name is empty and could not stand in a path.
 */
export function toAddress(rawVhost: string, rawExchange: string, rawRoutingKey: string): AddressResult {
  const vhost = decodeSegment(rawVhost);
  const exchange = decodeSegment(rawExchange);
  const routingKey = decodeSegment(rawRoutingKey);
  const errors: FieldError[] = [];
  if (!vhost.ok) errors.push({ field: 'vhost', message: vhost.message });
  else if (vhost.value === '') errors.push({ field: 'vhost', message: expectedVhost });
  if (!exchange.ok) errors.push({ field: 'exchange', message: exchange.message });
  else if (exchange.value === '') {
    errors.push({ field: 'exchange', message: 'expected an exchange; the default exchange is named amq.default' });
  }
  if (!routingKey.ok) errors.push({ field: 'routing_key', message: routingKey.message });
  if (!vhost.ok || !exchange.ok || !routingKey.ok || errors.length > 0) return { ok: false, errors };
  const address = { vhost: vhost.value, exchange: exchangeOf(exchange.value), routingKey: routingKey.value };
  return { ok: true, address };
}

/** Where the messages of a batch go, as far as the path says. */
export interface BatchAddress {
  readonly vhost: string;
  /** Undefined where each message names its own. */
  readonly exchange: string | undefined;
}

export type BatchAddressResult =
  | { readonly ok: true; readonly address: BatchAddress }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** The address that one or two raw path segments name. */
export function toBatchAddress(rawVhost: string, rawExchange: string | undefined): BatchAddressResult {
  const addressed = toAddress(rawVhost, rawExchange || 'amq.default', '');
  if (!addressed.ok) return addressed;
  const { vhost, exchange } = addressed.address;
  return { ok: true, address: { vhost, exchange: rawExchange ? exchange : undefined } };
}

/** The exchange that a path or a batch means by a name. */
export const exchangeOf = (name: string): string => (name === 'amq.default' ? '' : name);

import { type AppContext, headerOf } from './bindings.ts';
import { lastOf } from './message/fields.ts';
import { parseForm } from './message/form.ts';
import { readContentType } from './message/media-type.ts';
import { parseUrlencoded } from './message/urlencoded.ts';
import { byteStringToBytes, decodeUtf8 } from './message/utf8.ts';

/**
 * Whether a request proves that its page can read the cookie `_xsrf`, as Tornado's `check_xsrf_cookie` wants it: the same
 * token stands in the form, the query or a header. What a page cannot send without asking first (CORS) needs no proof.
 *
 * @param body undefined where it is no form, whatever its Content-Type says
 * @see https://www.tornadoweb.org/en/stable/guide/security.html#cross-site-request-forgery-protection
 */
export function passesXsrf(c: AppContext, query: string, body: Uint8Array | undefined): boolean {
  const contentType = headerOf(c, 'content-type');
  if (!isSentUnasked(contentType)) return true;
  const cookie = cookieOf(headerOf(c, 'cookie') ?? '');
  const given =
    fieldOf(contentType, query, body) ?? headerOf(c, 'x-xsrftoken') ?? headerOf(c, 'x-csrftoken') ?? undefined;
  if (!cookie || !given) return false;
  return equal(tokenOf(cookie), tokenOf(given));
}

/** What forms have, and what scripts may send to other sites as if they were one: text, or a body of no type. */
const UNASKED: ReadonlySet<string> = new Set([
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'text/plain',
]);

/** @see https://fetch.spec.whatwg.org/#cors-safelisted-request-header */
function isSentUnasked(header: string | null): boolean {
  const contentType = readContentType(header);
  return contentType.kind !== 'one' || UNASKED.has(contentType.essence);
}

function cookieOf(header: string): string | undefined {
  for (const pair of header.split(';')) {
    const [name = '', ...value] = pair.split('=');
    if (name.trim() === '_xsrf')
      return value
        .join('=')
        .trim()
        .replace(/^"(.*)"$/, '$1');
  }
  return undefined;
}

function fieldOf(contentType: string | null, query: string, body: Uint8Array | undefined): string | undefined {
  const form = parseForm(body ? contentType : null, body ?? new Uint8Array());
  const stated = parseUrlencoded(byteStringToBytes(query));
  const fields = [...(stated.ok ? stated.fields : []), ...(form.kind === 'form' ? form.fields : [])];
  const field = lastOf(fields, '_xsrf');
  return field && decodeUtf8(field.value);
}

/**
 * The secret in a token. Tornado's second version masks it anew for each page: `2|mask|masked|timestamp`, in hex; the
 * first is the secret itself.
 */
function tokenOf(token: string): Uint8Array {
  const masked = /^2\|((?:[0-9a-f]{2})+)\|((?:[0-9a-f]{2})+)\|\d+$/i.exec(token);
  if (!masked) return fromHex(token) ?? new TextEncoder().encode(token);
  const mask = fromHex(masked[1] ?? '') ?? new Uint8Array();
  return Uint8Array.from(fromHex(masked[2] ?? '') ?? [], (byte, i) => byte ^ (mask[i % mask.length] ?? 0));
}

function fromHex(text: string): Uint8Array | undefined {
  if (!/^(?:[0-9a-f]{2})+$/i.test(text)) return undefined;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** In constant time for tokens of one length. */
function equal(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i += 1) difference |= (one[i] ?? 0) ^ (other[i] ?? 0);
  return difference === 0;
}

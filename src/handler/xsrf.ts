import { type AppContext, headerOf } from './bindings.ts';
import { lastOf } from './message/fields.ts';
import { isForm, parseForm } from './message/form.ts';
import { parseUrlencoded } from './message/urlencoded.ts';
import { byteStringToBytes, decodeUtf8 } from './message/utf8.ts';

/**
 * Whether a request proves that its page can read the cookie `_xsrf`, as Tornado's `check_xsrf_cookie` wants it: the same
 * token stands in the form, the query or a header. What is no form no page can send without being asked first (CORS).
 *
 * @see https://www.tornadoweb.org/en/stable/guide/security.html#cross-site-request-forgery-protection
 */
export function passesXsrf(c: AppContext, query: string, body: Uint8Array): boolean {
  const contentType = headerOf(c, 'content-type');
  if (!isForm(contentType)) return true;
  const cookie = cookieOf(headerOf(c, 'cookie') ?? '');
  const given =
    fieldOf(contentType, query, body) ?? headerOf(c, 'x-xsrftoken') ?? headerOf(c, 'x-csrftoken') ?? undefined;
  if (!cookie || !given) return false;
  return equal(tokenOf(cookie), tokenOf(given));
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

function fieldOf(contentType: string | null, query: string, body: Uint8Array): string | undefined {
  const form = parseForm(contentType, body);
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

import type { Field, ParsedFields } from './fields.ts';
import { lastOf } from './fields.ts';
import { parseMultipart } from './multipart.ts';
import { headerParameter } from './parameters.ts';
import { parseUrlencoded } from './urlencoded.ts';

/** What a request's body is. `body` is the message's, `undefined` where the form has no such field. */
export type Form =
  | { readonly kind: 'raw' }
  | { readonly kind: 'form'; readonly fields: readonly Field[]; readonly body: Field | undefined }
  | { readonly kind: 'malformed'; readonly message: string; readonly field?: string }
  | { readonly kind: 'unsupported-encoding' };

/** Whether a request of that Content-Type is a form, whose body is the message's only in a field of it. */
export function isForm(contentType: string | null): boolean {
  return formType(contentType) !== undefined;
}

/** Whether a body under that Content-Encoding is what it seems (RFC 9110 section 8.4). A form has to be. */
export function isIdentity(contentEncoding: string | null): boolean {
  return contentEncoding === null || /^(?:identity)?$/i.test(contentEncoding.trim());
}

/** Reads a request's body as the form that its Content-Type names; any other type is a raw message. */
export function parseForm(contentType: string | null, contentEncoding: string | null, body: Uint8Array): Form {
  const type = formType(contentType);
  if (contentType === null || type === undefined) return { kind: 'raw' };
  if (!isIdentity(contentEncoding)) return { kind: 'unsupported-encoding' };
  const parsed = type === 'urlencoded' ? parseUrlencoded(body) : parseMultipartOf(contentType, body);
  if (!parsed.ok) {
    const { message, field } = parsed;
    return field === undefined ? { kind: 'malformed', message } : { kind: 'malformed', message, field };
  }
  return { kind: 'form', fields: parsed.fields, body: lastOf(parsed.fields, 'body') };
}

function formType(contentType: string | null): 'urlencoded' | 'multipart' | undefined {
  if (contentType === null) return undefined;
  const semicolon = contentType.indexOf(';');
  const mediaType = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  if (mediaType === 'application/x-www-form-urlencoded') return 'urlencoded';
  return mediaType === 'multipart/form-data' ? 'multipart' : undefined;
}

// RFC 2046 allows fewer characters, but clients are written that use others ("*****" is a popular one), and quotes
// around a boundary are often missing. What counts is that it holds no line break and no space at its end.
const boundaryPattern = /^[\x20-\x7e]{0,69}[\x21-\x7e]$/;

function parseMultipartOf(contentType: string, body: Uint8Array): ParsedFields {
  const boundary = headerParameter(contentType, 'boundary')?.replace(/\\(.)/g, '$1');
  if (boundary === undefined) return { ok: false, message: 'Content-Type names no boundary' };
  if (!boundaryPattern.test(boundary)) {
    return { ok: false, message: 'the boundary in Content-Type is not 1 to 70 printable ASCII characters' };
  }
  return parseMultipart(body, boundary);
}

import type { Field, FieldsFault, ParsedFields } from './fields.ts';
import { lastOf } from './fields.ts';
import { type ContentType, readContentType } from './media-type.ts';
import { parseMultipart } from './multipart.ts';
import { headerParameter } from './parameters.ts';
import { parseUrlencoded } from './urlencoded.ts';

/** What a request's body is. `body` is the message's, `undefined` where the form has no such field. */
export type Form =
  | { readonly kind: 'raw' }
  | { readonly kind: 'form'; readonly fields: readonly Field[]; readonly body: Field | undefined }
  | ({ readonly kind: 'malformed' | 'not-one-type' } & FieldsFault);

type FormType = 'urlencoded' | 'multipart';

/** The kind of form that a request of that Content-Type is: its body is the message's only in a field of it. */
export function formTypeOf(contentType: ContentType): FormType | undefined {
  if (contentType.kind !== 'one') return undefined;
  switch (contentType.essence) {
    case 'application/x-www-form-urlencoded':
      return 'urlencoded';
    case 'multipart/form-data':
      return 'multipart';
    default:
      return undefined;
  }
}

/** Reads a request's body, decoded, as the form that its Content-Type names; any other type is a raw message. */
export function parseForm(header: string | null, body: Uint8Array): Form {
  const contentType = readContentType(header);
  if (contentType.kind === 'malformed')
    return { kind: 'not-one-type', field: 'Content-Type', message: contentType.message };
  const type = formTypeOf(contentType);
  if (header === null || type === undefined) return { kind: 'raw' };
  const parsed = type === 'urlencoded' ? parseUrlencoded(body) : parseMultipartOf(header, body);
  if (!parsed.ok) {
    const { message, field } = parsed;
    return field === undefined ? { kind: 'malformed', message } : { kind: 'malformed', message, field };
  }
  return { kind: 'form', fields: parsed.fields, body: lastOf(parsed.fields, 'body') };
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

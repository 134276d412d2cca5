import { headerParameter } from './parameters.ts';
import { decodeUtf8 } from './utf8.ts';

export type PartName = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly message: string };

const headerLine = /^[!#$%&'*+\-.^_`|~\w]+[ \t]*:[^\r\n]*$/;
const disposition = /^content-disposition[ \t]*:[ \t]*form-data[ \t]*(?:;[^\r\n]*)?$/i;
const noName: PartName = { ok: false, message: 'has no name' };

/**
 * The field name in a multipart part's header (RFC 7578 section 4.2). Nothing else of the header matters: a file name
 * or a type changes nothing about a part.
 *
 * @param header the header lines, without the empty line that ends them
 */
export function partName(header: Uint8Array): PartName {
  if (header.length === 0) return noName;
  // A file name may be in any charset, so that only the field name has to be UTF-8.
  const text = decodeUtf8(header) ?? new TextDecoder().decode(header);
  const lines = text.includes('\r\n') ? text.replace(/\r\n[ \t]+/g, ' ').split('\r\n') : [text];
  let name: string | undefined;
  for (const line of lines) {
    if (disposition.test(line)) name ??= headerParameter(line, 'name');
    else if (!headerLine.test(line)) return { ok: false, message: 'has a broken header line' };
  }
  if (name === undefined) return noName;
  if (name.includes('\ufffd') && decodeUtf8(header) === undefined) {
    return { ok: false, message: 'has a name that is not UTF-8' };
  }
  return { ok: true, value: unescapeName(name) };
}

/**
 * Two traditions put a quote into a name: a backslash before it (RFC 2183, older curl) and %22 (browsers, newer curl,
 * which leave a percent sign and a backslash as they are). No other escape is one.
 *
 * @see https://html.spec.whatwg.org/#multipart-form-data
 */
function unescapeName(name: string): string {
  const unquoted = name.includes('\\') ? name.replace(/\\(["\\])/g, '$1') : name;
  if (!unquoted.includes('%')) return unquoted;
  return unquoted.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n');
}

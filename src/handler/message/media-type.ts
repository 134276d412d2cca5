import { shownName } from './fields.ts';

/** What a `Content-Type` header says. An empty one says nothing. */
export type ContentType =
  | { readonly kind: 'none' }
  /** `essence` is the type without its parameters, in lower case. */
  | { readonly kind: 'one'; readonly essence: string }
  | { readonly kind: 'malformed'; readonly message: string };

const none: ContentType = { kind: 'none' };

const blank = /^[ \t]*$/;
const bareType = /^[!#$%&'*+\-.^_`|~\w]+\/[!#$%&'*+\-.^_`|~\w]+$/;
const typeStart = /[ \t]*([!#$%&'*+\-.^_`|~\w]+\/[!#$%&'*+\-.^_`|~\w]+)/y;

// A quoted string may hold any octet but control characters: RFC 9110 has obs-text in it.
const parameter =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are refused.
  /[ \t]*;[ \t]*(?:([!#$%&'*+\-.^_`|~\w]+)=([!#$%&'*+\-.^_`|~\w]*)(?:"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*)")?)?/y;

// Clients leave out the quotes that RFC 2046 wants around a boundary with characters such as `=`, `:` and `/`.
const boundary = /[ \t]*;[ \t]*boundary=[^\s",;\\]+/iy;

/**
 * Reads a `Content-Type` header (RFC 9110 section 8.3), which names one media type. A header that was sent twice comes
 * with a comma and is malformed, as everything else of which two readers could think differently: one would see a form
 * where the other sees a message.
 */
export function readContentType(header: string | null): ContentType {
  if (header === null || header === '') return none;
  if (bareType.test(header)) return { kind: 'one', essence: header.toLowerCase() };
  typeStart.lastIndex = 0;
  const essence = typeStart.exec(header)?.[1];
  if (essence === undefined) return blank.test(header) ? none : malformed(header);
  const end = afterParameters(header, typeStart.lastIndex);
  return blank.test(header.slice(end)) ? { kind: 'one', essence: essence.toLowerCase() } : malformed(header);
}

/** Where the last well-formed parameter ends. A semicolon without a parameter is allowed (section 5.6.6). */
function afterParameters(header: string, from: number): number {
  for (let at = from; ; ) {
    const next = afterMatch(boundary, header, at) ?? afterParameter(header, at);
    if (next === undefined) return at;
    at = next;
  }
}

function afterMatch(pattern: RegExp, text: string, from: number): number | undefined {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** A value is a token or a quoted string, and not both or neither. */
function afterParameter(header: string, from: number): number | undefined {
  parameter.lastIndex = from;
  const match = parameter.exec(header);
  if (!match) return undefined;
  const [, name, token, quoted] = match;
  if (name !== undefined && (token === '') === (quoted === undefined)) return undefined;
  return parameter.lastIndex;
}

function malformed(header: string): ContentType {
  return { kind: 'malformed', message: `expected one media type, found ${JSON.stringify(shownName(header))}` };
}

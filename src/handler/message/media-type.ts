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

// RFC 9110 has tokens and quoted strings for values. Clients also leave out the quotes that `=`, `:`, `/` and their like
// need, around boundaries above all: what can be read in one way only is read. Obs-text may stand in quotes.
const parameter =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that are refused.
  /[ \t]*;[ \t]*(?:[!#$%&'*+\-.^_`|~\w]+=(?:[!#-+\--:<-[\]-~]+|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"))?/y;

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
  parameter.lastIndex = from;
  let end = from;
  while (parameter.test(header)) end = parameter.lastIndex;
  return end;
}

function malformed(header: string): ContentType {
  return { kind: 'malformed', message: `expected one media type, found ${JSON.stringify(shownName(header))}` };
}

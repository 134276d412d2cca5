import { isHeaderField } from './header-fields.ts';
import { type PropertyRule, propertyTable } from './property-table.ts';

const rules = new Map(propertyTable.flatMap((rule) => rule.names.map((name) => [name, rule] as const)));

const longestName = Math.max(...[...rules.keys()].map((name) => name.length));

/** The rule for a field, whose name may have `-` for `_`; `undefined` for a field that is no property. */
export function ruleOf(field: string): PropertyRule | undefined {
  if (field.length > longestName) return undefined;
  return rules.get(field) ?? (field.includes('-') ? rules.get(field.replaceAll('-', '_')) : undefined);
}

/** Whether a field says anything of a message. Other fields are ignored. */
export function isKnownField(name: string): boolean {
  return name === 'body' || ruleOf(name) !== undefined || isHeaderField(name);
}

/** A name that resembles one of ours does so in its beginning. */
const maxLooked = 300;

const encodedWord = /^[\s"']*=\?[^?\s]+\?[bq]\?/i;
const padding = /^[\s"'\p{Cc}]+|[\s"'\p{Cc}]+$/gu;
const beforeSuffix = /^([a-z_-]+)[\s"']*[[({.%\\]/;

/**
 * What is wrong with the name of a field that is not known, where it is one of ours in disguise: in RFC 2047's encoded
 * words, percent-encoded, in quotes or with space around it, or with a suffix that only `headers` may have. Ignored, it
 * would be a property that the client takes for published. Names of another case are other names.
 */
export function misnamed(name: string): string | undefined {
  const looked = name.slice(0, maxLooked);
  if (encodedWord.test(looked)) return 'expected the name in UTF-8, found encoded words (RFC 2047)';
  const bare = withoutEscapes(looked).replace(padding, '');
  const stem = beforeSuffix.exec(bare)?.[1] ?? bare;
  if (!isKnownField(stem)) return undefined;
  return `unknown field; did you mean ${stem === 'headers' && stem !== bare ? 'headers[name]' : stem}?`;
}

function withoutEscapes(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

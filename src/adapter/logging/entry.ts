import type { LogFields, LogLevel } from '../../handler/log.ts';

/** One line to be, before anybody has given it a form. */
export interface Entry {
  readonly level: LogLevel;
  /** A logger's name, with dots. */
  readonly name: string;
  readonly sentence: string;
  readonly fields: LogFields;
  /** Milliseconds since the epoch. */
  readonly time: number;
}

/** Characters of what a client may have chosen, such as a user's name, of which nobody needs more to find it again. */
const MAX_CHARACTERS = 1_000;

/** What this program says itself: a stack, all that is wrong with a configuration. */
const OUR_OWN: ReadonlySet<string> = new Set(['error', 'reason', 'detail', 'cause']);

/** Fields as they are written. A record that grew with what a client sends would soon be more than its sink takes. */
export const fieldsOf = ({ fields }: Entry): LogFields =>
  Object.values(fields).some((value) => typeof value === 'string' && value.length > MAX_CHARACTERS)
    ? Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, shortened(name, value)]))
    : fields;

const shortened = <Value>(name: string, value: Value): Value | string =>
  typeof value !== 'string' || value.length <= MAX_CHARACTERS || OUR_OWN.has(name)
    ? value
    : `${value.slice(0, MAX_CHARACTERS)}…`;

/** The sentence and what it is about, on one line: whatever a client has sent, it begins no new one. */
export function messageOf(entry: Entry): string {
  const details = Object.entries(fieldsOf(entry))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return escapeControls(entry.sentence + details.join(''));
}

/**
 * As JSON writes them: control characters, what some viewers take for a line break, what nobody sees, and what turns the
 * direction of the text after it, so that a line reads as something else.
 */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Bidi_Control}\u2028\u2029\u200b\u2060\ufeff]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

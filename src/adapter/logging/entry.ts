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

/** The sentence and what it is about, on one line: whatever a client has sent, it begins no new one. */
export function messageOf({ sentence, fields }: Entry): string {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  return escapeControls(sentence + details.join(''));
}

/**
 * As JSON writes them: control characters, what some viewers take for a line break, and what turns the direction of the
 * text after it, so that a line reads as something else.
 */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

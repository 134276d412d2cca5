import { type Entry, escapeControls, messageOf } from './entry.ts';

/** For programs: one JSON object a line. */
export function jsonLine({ time, level, name, sentence, fields }: Entry): string {
  const text = JSON.stringify({
    time: new Date(time).toISOString(),
    level,
    logger: name,
    message: sentence,
    ...fields,
  });
  return `${escapeControls(text)}\n`;
}

/** For people. */
export function readableLine(entry: Entry): string {
  return `${new Date(entry.time).toISOString()} ${entry.level.padEnd(7)} ${messageOf(entry)}\n`;
}

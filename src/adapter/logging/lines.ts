import { type Entry, escapeControls, fieldsOf, messageOf } from './entry.ts';

/** For programs: one JSON object a line. */
export function jsonLine(entry: Entry): string {
  const { time, level, name, sentence } = entry;
  const text = JSON.stringify({
    time: new Date(time).toISOString(),
    level,
    logger: name,
    message: sentence,
    ...fieldsOf(entry),
  });
  return `${escapeControls(text)}\n`;
}

/** For people. */
export function readableLine(entry: Entry): string {
  return `${new Date(entry.time).toISOString()} ${entry.level.padEnd(7)} ${messageOf(entry)}\n`;
}

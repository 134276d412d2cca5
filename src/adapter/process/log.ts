import type { Log, LogFields, LogLevel } from '../../handler/log.ts';

const RANK: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warning: 2,
  error: 3,
};

/** Readable lines where a person looks on, JSON lines where a program does. */
export function createLog(stream: NodeJS.WriteStream, lowest: LogLevel): Log {
  return (level, sentence, fields = {}) => {
    if (RANK[level] < RANK[lowest]) return;
    stream.write(stream.isTTY ? readable(level, sentence, fields) : json(level, sentence, fields));
  };
}

function json(level: LogLevel, message: string, fields: LogFields): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`;
}

function readable(level: LogLevel, sentence: string, fields: LogFields): string {
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
    .join('');
  return `${new Date().toISOString()} ${level.padEnd(7)} ${sentence}${rest}\n`;
}

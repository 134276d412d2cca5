import { isLogField, type LogField } from '../../config/log-fields.ts';
import type { TextFormatter } from '../../config/logging.ts';
import type { LogLevel } from '../../handler/log.ts';
import { type Entry, messageOf } from './entry.ts';
import type { PythonValue } from './python-values.ts';
import { strftime } from './strftime.ts';

/** Python's name and number of a level. */
export const PYTHON_LEVELS: Readonly<Record<LogLevel, readonly [name: string, number: number]>> = {
  debug: ['DEBUG', 10],
  info: ['INFO', 20],
  warning: ['WARNING', 30],
  error: ['ERROR', 40],
};

const STARTED_AT = Date.now() - performance.now();

const NONE: PythonValue = { type: 'object', value: 'None' };

const text = (value: string): PythonValue => ({ type: 'text', value });
const integer = (value: number): PythonValue => ({ type: 'integer', value });
const float = (value: number): PythonValue => ({ type: 'float', value });

/**
 * A LogRecord's attribute, or the formatter's default for one that a record does not have. What Python knows of its code
 * and of its threads has no counterpart here: a line says where it comes from by its logger, and there is one thread.
 */
export function attribute(field: string, entry: Entry, formatter: TextFormatter): PythonValue {
  return isLogField(field) ? ownAttribute(field, entry, formatter) : defaultValue(field, formatter);
}

function ownAttribute(field: LogField, entry: Entry, { datefmt }: TextFormatter): PythonValue {
  const [levelName, levelNumber] = PYTHON_LEVELS[entry.level];
  switch (field) {
    case 'asctime':
      return text(asctime(entry.time, datefmt));
    case 'created':
      return float(entry.time / 1000);
    case 'msecs':
      return float(Math.floor(entry.time % 1000));
    case 'relativeCreated':
      return float(entry.time - STARTED_AT);
    case 'levelname':
      return text(levelName);
    case 'levelno':
      return integer(levelNumber);
    case 'message':
    case 'msg':
      return text(messageOf(entry));
    case 'name':
      return text(entry.name);
    case 'process':
      return integer(process.pid);
    case 'processName':
      return text(process.title);
    case 'threadName':
      return text('MainThread');
    case 'lineno':
    case 'thread':
      return integer(0);
    case 'args':
      return { type: 'object', value: '()' };
    case 'exc_info':
    case 'exc_text':
    case 'stack_info':
    case 'taskName':
      return NONE;
    case 'filename':
    case 'funcName':
    case 'module':
    case 'pathname':
      return text(entry.name.split('.').at(-1) ?? '');
  }
}

function defaultValue(field: string, { defaults }: TextFormatter): PythonValue {
  const value = defaults.get(field) ?? null;
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number') return Number.isInteger(value) ? integer(value) : float(value);
  if (value === null) return NONE;
  return { type: 'object', value: value ? 'True' : 'False' };
}

/** Without a date format ISO 8601 with a comma before the milliseconds, in local time. */
function asctime(time: number, datefmt: string | undefined): string {
  if (datefmt) return strftime(datefmt, time);
  const milliseconds = String(Math.floor(time % 1000)).padStart(3, '0');
  return `${strftime('%Y-%m-%d %H:%M:%S', time)},${milliseconds}`;
}

/** What a LogRecord's attribute is in Python: a str, an int, a float, or an object whose repr is its str. */
export type FieldType = 'text' | 'integer' | 'float' | 'object';

/**
 * Python's LogRecord attributes.
 *
 * @see https://docs.python.org/3/library/logging.html#logrecord-attributes
 */
export const logFields = {
  args: 'object',
  asctime: 'text',
  created: 'float',
  exc_info: 'object',
  exc_text: 'object',
  filename: 'text',
  funcName: 'text',
  levelname: 'text',
  levelno: 'integer',
  lineno: 'integer',
  message: 'text',
  module: 'text',
  msecs: 'float',
  msg: 'text',
  name: 'text',
  pathname: 'text',
  process: 'integer',
  processName: 'text',
  relativeCreated: 'float',
  stack_info: 'object',
  taskName: 'object',
  thread: 'integer',
  threadName: 'text',
} as const satisfies Readonly<Record<string, FieldType>>;

export type LogField = keyof typeof logFields;

export const isLogField = (name: string): name is LogField => Object.hasOwn(logFields, name);

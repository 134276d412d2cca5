import * as v from 'valibot';
import { type Kind, scalar } from './kind.ts';
import { didYouMean } from './nearest.ts';

/** Python's LogRecord attributes. */
const fields = [
  'asctime',
  'created',
  'filename',
  'funcName',
  'levelname',
  'levelno',
  'lineno',
  'message',
  'module',
  'msecs',
  'name',
  'pathname',
  'process',
  'processName',
  'relativeCreated',
  'taskName',
  'thread',
  'threadName',
];

/** A percent sign with what belongs to it: `%%`, or a field with flags, a width, a precision and a conversion. */
const conversion = /%(?:(%)|\(([^)]*)\)[-#0 +]*\d*(?:\.\d+)?[diouxXeEfFgGcrsa])?/g;

const expected = 'expected a log format';

/** A log format in Python's percent style. */
export const logFormat: Kind<string> = scalar(
  v.pipe(
    v.string(expected),
    v.rawCheck(({ dataset, addIssue }) => {
      const mistake = dataset.typed ? firstMistake(dataset.value) : undefined;
      if (mistake !== undefined) addIssue({ message: mistake });
    }),
  ),
  (text) => text,
);

function firstMistake(format: string): string | undefined {
  for (const [whole, percent, field] of format.matchAll(conversion)) {
    if (whole === '%')
      return `${expected}, where each % begins %% or a conversion such as %(message)s or %(process)-6d`;
    if (percent === undefined && field !== undefined && !fields.includes(field)) {
      return `unknown field %(${field}); expected one of ${fields.join(', ')}${didYouMean(field, fields)}`;
    }
  }
  return undefined;
}

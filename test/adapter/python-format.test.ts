import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/adapter/logging/entry.ts';
import { pythonFormat } from '../../src/adapter/logging/python-format.ts';

const ENTRY: Entry = {
  level: 'warning',
  name: 'tornado.access',
  sentence: 'answered',
  fields: { status: 404, target: '/a\n"b"\u2028' },
  // A local time, for that is what Python's formatter shows.
  time: new Date(2013, 2, 27, 9, 5, 3, 7).getTime(),
};

const formatted = (format: string, datefmt?: string): string =>
  pythonFormat({ format, ...(datefmt !== undefined && { datefmt }) })(ENTRY);

describe('a log format of Python', () => {
  // What Python 3 prints for the same record.
  it.each([
    ['%(levelname)s', 'WARNING'],
    ['[%(levelname) -10s]', '[WARNING   ]'],
    ['[%(levelname)10s]', '[   WARNING]'],
    ['[%(levelname)-3s]', '[WARNING]'],
    ['[%(levelname).4s]', '[WARN]'],
    ['[%(levelname)6.4s]', '[  WARN]'],
    ['[%(levelno)d]', '[30]'],
    ['[%(levelno)5d]', '[   30]'],
    ['[%(levelno)05d]', '[00030]'],
    ['[%(levelno)-5d]', '[30   ]'],
    ['[%(levelno)+d]', '[+30]'],
    ['[%(levelno) d]', '[ 30]'],
    ['[%(levelno)x]', '[1e]'],
    ['[%(levelno)X]', '[1E]'],
    ['[%(levelno)o]', '[36]'],
    ['[%(levelno).1f]', '[30.0]'],
    ['[%(levelno)e]', '[3.000000e+01]'],
    ['[%(levelno)g]', '[30]'],
    ['[%(msecs)d]', '[7]'],
    ['[%(msecs)03d]', '[007]'],
    ['100%% %(name)s', '100% tornado.access'],
    ['%(asctime)s', '2013-03-27 09:05:03,007'],
  ])('%s', (format, expected) => {
    expect(formatted(format)).toBe(expected);
  });

  it('has a date format of its own', () => {
    expect(formatted('%(asctime)s', '%d.%m.%y %H:%M')).toBe('27.03.13 09:05');
  });

  it('names the process', () => {
    expect(formatted('<PID %(process)d:%(processName)s>')).toBe(`<PID ${process.pid}:${process.title}>`);
  });

  it('begins no new line, whatever is logged', () => {
    expect(formatted('%(message)s')).toBe('answered status=404 target="/a\\n\\"b\\"\\u2028"');
  });
});

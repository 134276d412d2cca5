import { describe, expect, it } from 'vitest';
import type { Entry } from '../../src/adapter/logging/entry.ts';
import { pythonFormat } from '../../src/adapter/logging/python-format.ts';
import type { TextFormatter } from '../../src/config/logging.ts';

const ENTRY: Entry = {
  level: 'warning',
  name: 'tornado.access',
  sentence: 'answered',
  fields: { status: 404, target: '/a\n"b"\u2028\u202e\u2066' },
  // A local time, for that is what Python's formatter shows.
  time: new Date(2013, 2, 27, 9, 5, 3, 7).getTime(),
};

const formatted = (format: string, more: Partial<TextFormatter> = {}): string =>
  pythonFormat({ class: 'logging.Formatter', format, style: '%', validate: true, defaults: new Map(), ...more })(ENTRY);

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
    expect(formatted('%(asctime)s', { datefmt: '%d.%m.%y %H:%M' })).toBe('27.03.13 09:05');
  });

  it('names the process', () => {
    expect(formatted('<PID %(process)d:%(processName)s>')).toBe(`<PID ${process.pid}:${process.title}>`);
  });

  it('has defaults for fields that a record does not have, as Python 3.12', () => {
    const defaults = new Map<string, string | number | null>([
      ['app', 'shop'],
      ['n', 7],
      ['none', null],
    ]);
    expect(formatted('%(app)s %(n)03d %(none)s', { defaults })).toBe('shop 007 None');
    expect(formatted('{app:>6}{n:+}{none}', { style: '{', defaults })).toBe('  shop+7None');
    expect(formatted('$app$n', { style: '$', defaults })).toBe('shop7');
    expect(formatted('%(taskName)s')).toBe('None');
  });

  it('begins no new line and turns no text around, whatever is logged', () => {
    expect(formatted('%(message)s')).toBe('answered status=404 target="/a\\n\\"b\\"\\u2028\\u202e\\u2066"');
  });
});

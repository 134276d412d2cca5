import type { Kind } from './kind.ts';
import { parseFormat } from './log-format.ts';
import { classMistake } from './log-handlers.ts';
import { truth } from './log-values.ts';
import type { DefaultValue, JsonFormatter, LogFormatter } from './logging.ts';
import { anyText, oneOf } from './scalars.ts';
import { mappingOf, named, optional, required, section, setting } from './section.ts';

export const formatterClasses = ['logging.Formatter', 'statelessd.JsonFormatter'] as const;

const json: Kind<JsonFormatter> = section({ class: required('class', oneOf(['statelessd.JsonFormatter'])) });

const defaultValue: Kind<DefaultValue> = {
  read(value, at, report) {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      return value;
    }
    report(at, 'expected a text, a number, true or false', { value });
    return undefined;
  },
  print: (value) => value,
};

const textEntries = section({
  class: setting('class', oneOf(['logging.Formatter']), 'logging.Formatter'),
  format: optional('format', anyText),
  datefmt: optional('datefmt', anyText),
  style: setting('style', oneOf(['%', '{', '$']), '%'),
  validate: setting('validate', truth, true),
  defaults: setting('defaults', named('defaults', defaultValue), new Map()),
});

export const formatter: Kind<LogFormatter> = {
  children: new Map([...(textEntries.children ?? []), ...(json.children ?? [])]),
  read(value, at, report) {
    const mapping = mappingOf(value);
    if (mapping === undefined) {
      report(at, `expected a mapping with keys among ${[...(textEntries.children ?? []).keys()].join(', ')}`, {
        value,
      });
      return undefined;
    }
    const name = mapping.get('class') || 'logging.Formatter';
    if (name === 'statelessd.JsonFormatter') return json.read(mapping, at, report);
    if (name !== 'logging.Formatter') {
      report([...at, 'class'], classMistake(name, formatterClasses));
      return undefined;
    }
    let sound = true;
    const text = textEntries.read(new Map([...mapping, ['class', name]]), at, (...mistake) => {
      sound = false;
      report(...mistake);
    });
    if (text === undefined || !sound) return undefined;
    const parsed = parseFormat(text);
    if (!parsed.ok) report([...at, 'format'], parsed.mistake);
    return text;
  },
  print: (value) => (value.class === 'logging.Formatter' ? textEntries.print(value) : json.print(value)),
};

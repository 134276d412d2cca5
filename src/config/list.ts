import type { Kind } from './kind.ts';
import { parseYaml } from './yaml.ts';

/** A list without duplicates. An environment variable separates its items by commas, or is a YAML flow sequence. */
export function listOf<T>(what: string, item: Kind<T>): Kind<readonly T[]> {
  const { text } = item;
  return {
    text: typeof text === 'function' ? (list) => flowSequence(list) ?? commaSeparated(list).map(text) : 'yaml',
    read(value, at, report) {
      if (!Array.isArray(value)) {
        report(at, `expected a list of ${what}`, { value });
        return undefined;
      }
      const items: readonly unknown[] = value;
      const read: T[] = [];
      const first = new Map<string, number>();
      for (const [index, each] of items.entries()) {
        const result = item.read(each, [...at, index], report);
        if (result === undefined) continue;
        const spelling = JSON.stringify(item.print(result));
        const earlier = first.get(spelling);
        if (earlier !== undefined) report([...at, index], `duplicate of [${earlier}]`);
        first.set(spelling, index);
        read.push(result);
      }
      return read.length === items.length ? read : undefined;
    },
    print: (value) => value.map((each) => item.print(each)),
  };
}

/** An item, up to the next comma; one that is a regular expression between slashes may have commas. */
const ITEM = /\s*\/(?:\\.|[^\\/])*\/\s*(?=,|$)|[^,]+/g;

function commaSeparated(list: string): string[] {
  return (list.match(ITEM) ?? []).map((each) => each.trim()).filter((each) => each !== '');
}

/** Undefined where a text is none: `[::1]:5672,[::2]:5672` begins like one. */
function flowSequence(list: string): readonly unknown[] | undefined {
  const parsed = list.startsWith('[') ? parseYaml(list) : undefined;
  return parsed?.ok && Array.isArray(parsed.value) ? parsed.value : undefined;
}

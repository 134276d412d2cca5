import * as v from 'valibot';

/** Keys and list indices from the top of the file. */
export type Path = readonly (string | number)[];

/** Takes note of a mistake. `found` is what stands there, if its type is the mistake. */
export type Report = (at: Path, message: string, found?: { readonly value: unknown }) => void;

/** One sort of value: how it is read, how an environment variable spells it, how it is written. */
export interface Kind<T> {
  /** From what YAML gives, a mapping being a Map. Undefined: refused, and reported. */
  read(value: unknown, at: Path, report: Report): T | undefined;
  /** To what YAML gives. */
  print(value: T): unknown;
  /**
   * From an environment variable's text to what YAML gives; `yaml`: the text is YAML. Undefined for a section, whose
   * keys have variables of their own.
   */
  readonly text?: 'yaml' | ((text: string) => unknown);
  /** What may stand below, by key; `*` for any key. */
  readonly children?: ReadonlyMap<string, Kind<unknown>>;
}

/** A kind without parts. The messages of its schema say what was expected, and never what was found. */
export function scalar<T>(
  schema: v.GenericSchema<unknown, T>,
  text: (text: string) => unknown,
  print: (value: T) => unknown = (value) => value,
): Kind<T> {
  return {
    text,
    print,
    read(value, at, report) {
      const result = v.safeParse(schema, value);
      if (result.success) return result.output;
      const [issue] = result.issues;
      const wrongType = issue.kind === 'schema' && issue.type !== 'picklist';
      report(at, issue.message, wrongType ? { value } : undefined);
      return undefined;
    },
  };
}

/** What a value is, in words for a message. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'an empty value';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Map) return 'a mapping';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a number';
  return `a ${typeof value}`;
}

/** Whether `path` is `ancestor` or lies below it. */
export function isWithin(path: Path, ancestor: Path): boolean {
  return ancestor.every((part, index) => path[index] === part);
}

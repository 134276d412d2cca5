import type { Kind, Path, Report } from './kind.ts';
import { didYouMean } from './nearest.ts';

/** A key of the file: its field in the configuration, its kind, and what stands for it when it is absent. */
export interface Entry<Field extends string, T, Presence extends 'always' | 'optional'> {
  readonly field: Field;
  readonly kind: Kind<T>;
  readonly presence: Presence;
  /** Nothing, an error, or a default as the file would spell it. */
  readonly absent: 'nothing' | 'error' | { readonly default: unknown };
}

type Mapping = ReadonlyMap<string, unknown>;
type AnyEntry = Entry<string, unknown, 'always' | 'optional'>;
type Entries = Readonly<Record<string, AnyEntry>>;
type Value<E> = E extends Entry<string, infer T, 'always' | 'optional'> ? T : never;
type FieldOf<E extends AnyEntry, P> = E['presence'] extends P ? E['field'] : never;

/** What a section of these entries is read into. */
type Fields<E extends Entries> = {
  readonly [K in keyof E as FieldOf<E[K], 'always'>]: Value<E[K]>;
} & {
  readonly [K in keyof E as FieldOf<E[K], 'optional'>]?: Value<E[K]>;
};

/** The type that a kind is read into. */
export type Read<K> = K extends Kind<infer T> ? T : never;

/** A key with a default, as the file would spell it. */
export function setting<F extends string, T>(field: F, kind: Kind<T>, value: unknown): Entry<F, T, 'always'> {
  return { field, kind, presence: 'always', absent: { default: value } };
}

/** A section that is always there, if only with its defaults. */
export function part<F extends string, T>(field: F, kind: Kind<T>): Entry<F, T, 'always'> {
  return setting(field, kind, new Map());
}

/** A key without a default. */
export function optional<F extends string, T>(field: F, kind: Kind<T>): Entry<F, T, 'optional'> {
  return { field, kind, presence: 'optional', absent: 'nothing' };
}

/** A key that its section cannot do without. */
export function required<F extends string, T>(field: F, kind: Kind<T>): Entry<F, T, 'always'> {
  return { field, kind, presence: 'always', absent: 'error' };
}

/** A mapping with known keys. One that is empty, or null as an empty section is in YAML, has its defaults. */
export function section<E extends Entries>(entries: E): Kind<Fields<E>> {
  const known = Object.keys(entries);
  const fieldOf = (entry: AnyEntry, mapping: Mapping | undefined, key: string, at: Path, report: Report) => {
    const given = mapping?.get(key) ?? undefined;
    if (given !== undefined) {
      const read = entry.kind.read(given, [...at, key], report);
      if (read !== undefined) return read;
    } else if (entry.absent === 'error' && mapping !== undefined) {
      entry.kind.read(undefined, [...at, key], (place, message) => report(place, `missing; ${message}`));
    }
    // A refused value is reported; its default stands in, so that the rest can still be judged.
    return typeof entry.absent === 'object' ? entry.kind.read(entry.absent.default, [...at, key], report) : undefined;
  };
  return {
    children: new Map(Object.entries(entries).map(([key, entry]) => [key, entry.kind])),
    read(value, at, report) {
      const mapping = mappingOf(value);
      if (mapping === undefined) report(at, `expected a mapping with keys among ${known.join(', ')}`, { value });
      for (const key of mapping?.keys() ?? []) {
        if (!known.includes(key)) {
          report([...at, key], `unknown key; expected one of ${known.join(', ')}${didYouMean(key, known)}`);
        }
      }
      const fields: Record<string, unknown> = {};
      for (const [key, entry] of Object.entries(entries)) {
        const field = fieldOf(entry, mapping, key, at, report);
        if (field !== undefined) fields[entry.field] = field;
      }
      // Each field has been read by its own kind; the compiler cannot follow a key to its field. A required field
      // that is missing has been reported, and then nobody gets to see this object.
      return fields as Fields<E>;
    },
    print(value) {
      const fields = new Map<string, unknown>(Object.entries(value));
      const printed = new Map<string, unknown>();
      for (const [key, entry] of Object.entries(entries)) {
        const field = fields.get(entry.field);
        if (field !== undefined) printed.set(key, entry.kind.print(field));
      }
      return printed;
    },
  };
}

/** A mapping whose keys are names that the user chooses. */
export function named<T>(what: string, kind: Kind<T>): Kind<ReadonlyMap<string, T>> {
  return {
    children: new Map([['*', kind]]),
    read(value, at, report) {
      const mapping = mappingOf(value);
      if (mapping === undefined) report(at, `expected a mapping of ${what} by name`, { value });
      const read = new Map<string, T>();
      for (const [name, each] of mapping ?? []) {
        const result = kind.read(each, [...at, name], report);
        if (result !== undefined) read.set(name, result);
      }
      return read;
    },
    print: (value) => new Map([...value].map(([name, each]) => [name, kind.print(each)])),
  };
}

/** Undefined where a value is no mapping. */
export function mappingOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value === null || value === undefined) return new Map();
  return value instanceof Map ? value : undefined;
}

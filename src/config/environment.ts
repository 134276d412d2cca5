import type { Kind, Path } from './kind.ts';
import { nearest } from './nearest.ts';
import type { ConfigProblem } from './problem.ts';
import { table } from './table.ts';
import { parseYaml, problemsOf } from './yaml.ts';

/** The process's environment variables, or any like them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A key that an environment variable sets. */
export interface Variable {
  readonly name: string;
  readonly path: Path;
  /** What YAML would give. */
  readonly value: unknown;
  /** Of a variable that holds YAML: the line of what lies below its key. */
  lineOf(below: Path): number | undefined;
}

const prefix = 'STATELESSD__';

/** Every variable that is known, by name. */
const known = new Map(settingsBelow(table, []).map(([path, kind]) => [nameOf(path), { path, kind }]));

/** Reads the variables of ours. An empty one is none, for that is how containers' templates leave a value out. */
export function readEnvironment(env: Environment): { variables: Variable[]; problems: ConfigProblem[] } {
  const variables: Variable[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, given] of Object.entries(env)) {
    if (given === undefined || !name.startsWith(prefix)) continue;
    const setting = known.get(name);
    if (setting === undefined) {
      const message = `unknown variable; the nearest is ${nearest(name, [...known.keys()])}`;
      problems.push({ file: name, line: undefined, key: undefined, message });
      continue;
    }
    const { path, kind } = setting;
    const text = given.trim();
    if (text === '') continue;
    if (typeof kind.text === 'function') {
      variables.push({ name, path, value: kind.text(text), lineOf: () => undefined });
      continue;
    }
    const parsed = parseYaml(given);
    problems.push(...problemsOf(parsed, name, path));
    if (parsed.ok) variables.push({ name, path, value: parsed.value, lineOf: parsed.lineOf });
  }
  return { variables, problems };
}

/** The tree of a file with the variables laid over it. */
export function overlay(tree: unknown, variables: readonly Variable[]): unknown {
  return variables.reduce((result, { path, value }) => withValue(result, path, value), tree);
}

/** A copy of a tree with a value at a path; without one, if it is undefined. What is no mapping stays, to be refused. */
export function withValue(tree: unknown, path: Path, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (tree !== null && tree !== undefined && !(tree instanceof Map)) return tree;
  const copy = new Map<unknown, unknown>(tree);
  const below = withValue(copy.get(key), rest, value);
  if (below === undefined) copy.delete(key);
  else copy.set(key, below);
  return copy;
}

function nameOf(path: Path): string {
  return prefix + path.join('__').toUpperCase();
}

function settingsBelow(kind: Kind<unknown>, path: Path): [Path, Kind<unknown>][] {
  if (kind.text !== undefined) return [[path, kind]];
  return [...(kind.children ?? [])].flatMap(([key, child]) => settingsBelow(child, [...path, key]));
}

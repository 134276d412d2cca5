import type { Variable } from './environment.ts';
import { isWithin, type Path, typeName } from './kind.ts';
import { type ConfigProblem, formatPath } from './problem.ts';

/** Where the values come from, and so where a problem is to be mended. */
export interface Sources {
  /** Undefined where there is no file. */
  readonly fileName: string | undefined;
  /** The line of a key of the file. */
  lineOf(path: Path): number | undefined;
  /** The path that the file has for a key, if it has another name there. */
  written(path: Path): Path;
  readonly variables: readonly Variable[];
}

interface Place {
  readonly file: string;
  readonly line: number | undefined;
}

/** Who has a say about a key, or about one below it. */
export type Origin = 'environment' | 'file' | undefined;

export function originOf(path: Path, { variables, lineOf }: Sources): Origin {
  if (variables.some((variable) => isWithin(variable.path, path) || isWithin(path, variable.path)))
    return 'environment';
  return lineOf(path) === undefined ? undefined : 'file';
}

/** A problem with the value at a path. `found` is that value, if its type is the mistake; only the type is told. */
export function problemAt(
  path: Path,
  message: string,
  found: { readonly value: unknown } | undefined,
  sources: Sources,
): ConfigProblem {
  const place = placeOf(path, sources);
  // All a variable has is text, so that would tell nothing.
  const told = found !== undefined && !(place.file !== sources.fileName && typeof found.value === 'string');
  return {
    ...place,
    key: formatPath(place.file === sources.fileName ? sources.written(path) : path),
    message: told ? `${message}, not ${typeName(found.value)}` : message,
  };
}

/** The variable or the line that sets what is at a path; for a key that is missing, what sets its neighbours. */
export function placeOf(path: Path, { fileName, lineOf, variables }: Sources): Place {
  const variable = variables.find((each) => isWithin(path, each.path));
  if (variable !== undefined) {
    const below = path.slice(variable.path.length);
    return { file: variable.name, line: nearestLine(variable.lineOf, below) };
  }
  const parent = path.slice(0, -1);
  if (lineOf(path) === undefined && lineOf(parent) === undefined) {
    const neighbour = variables.find((each) => isWithin(each.path, parent));
    if (neighbour !== undefined) return { file: neighbour.name, line: undefined };
  }
  return { file: fileName ?? 'the environment', line: nearestLine(lineOf, path) };
}

function nearestLine(lineOf: (path: Path) => number | undefined, path: Path): number | undefined {
  for (let length = path.length; length >= 0; length -= 1) {
    const line = lineOf(path.slice(0, length));
    if (line !== undefined) return line;
  }
  return undefined;
}

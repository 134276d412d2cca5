import type { Path } from './kind.ts';

/** One thing that is wrong with the configuration. It never holds a value, for a value may be a secret. */
export interface ConfigProblem {
  /** The file, or the environment variable, that is to be changed. */
  readonly file: string;
  /** From 1; undefined where no single line is at fault, as with a file that does not exist. */
  readonly line: number | undefined;
  /** The key's path as the user wrote it; undefined where the file as a whole is at fault. */
  readonly key: string | undefined;
  /** What was expected. */
  readonly message: string;
}

/** One line: `statelessd.yaml:12: Application.rabbitmq.hots: unknown key; …`. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === undefined ? problem.file : `${problem.file}:${problem.line}`;
  const parts = problem.key === undefined ? [place, problem.message] : [place, problem.key, problem.message];
  // A key may hold a line break, and a problem is one line.
  return parts.join(': ').replace(/[\p{Cc}\u2028\u2029]/gu, (character) => JSON.stringify(character).slice(1, -1));
}

/** `HTTPServer.ports[1]`; undefined for the file as a whole. */
export function formatPath(path: Path): string | undefined {
  if (path.length === 0) return undefined;
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

import type { Result, Router } from 'hono/router';

/** A row of the route table: a regular expression over the raw path, and the name of its handler. */
export interface Route {
  readonly pattern: RegExp;
  readonly handler: string;
  /** The last group may also be empty, whatever the expression says. */
  readonly lastMayBeEmpty?: boolean;
}

/** The handler registered under this name answers paths whose every match has another method. */
export const METHOD_NOT_ALLOWED = 'MethodNotAllowed';

/** Stands in for a last group that is empty. */
const PLACEHOLDER = '-';

/**
 * A router for Hono that matches like Tornado: rows in order, the first match wins. A match whose method is wrong
 * lets the next row try. Groups are given as the parameters `0`, `1`, …, raw.
 */
export class TableRouter<T> implements Router<T> {
  readonly name = 'TableRouter';
  readonly #table: readonly Route[];
  readonly #handlers = new Map<string, Map<string, T>>();

  constructor(table: readonly Route[]) {
    this.#table = table;
  }

  /** `path` is the handler's name after a slash. */
  add(method: string, path: string, handler: T): void {
    const name = path.slice(1);
    const methods = this.#handlers.get(name) ?? new Map<string, T>();
    methods.set(method, handler);
    this.#handlers.set(name, methods);
  }

  match(method: string, path: string): Result<T> {
    for (const route of this.#table) {
      const handler = this.#handlers.get(route.handler)?.get(method);
      const match = handler === undefined ? undefined : matchOf(route, path);
      if (handler !== undefined && match) return [[[handler, params(match)]]];
    }
    return this.#refuse(path);
  }

  #refuse(path: string): Result<T> {
    const allowed = new Set<string>();
    for (const route of this.#table) {
      const methods = this.#handlers.get(route.handler);
      if (methods && matchOf(route, path)) for (const name of methods.keys()) allowed.add(name);
    }
    if (allowed.has('GET')) allowed.add('HEAD');
    const refuse = allowed.size > 0 ? this.#handlers.get(METHOD_NOT_ALLOWED)?.get('ALL') : undefined;
    return refuse === undefined ? [[]] : [[[refuse, { allow: [...allowed].join(', ') }]]];
  }
}

/** All that matched, and the groups after it. */
type Match = readonly (string | undefined)[];

function matchOf({ pattern, lastMayBeEmpty }: Route, path: string): Match | undefined {
  const match = pattern.exec(path);
  if (match) return match;
  if (!lastMayBeEmpty || !path.endsWith('/')) return undefined;
  const groups = pattern.exec(path + PLACEHOLDER);
  return groups?.at(-1) === PLACEHOLDER ? [...groups.slice(0, -1), ''] : undefined;
}

/** Hono percent-decodes parameters leniently; escaping the percent sign makes that give the raw group back. */
function params(match: Match): Record<string, string> {
  const result: Record<string, string> = {};
  for (let group = 1; group < match.length; group += 1) {
    const value = match[group] ?? '';
    result[group - 1] = value.includes('%') ? value.replaceAll('%', '%25') : value;
  }
  return result;
}

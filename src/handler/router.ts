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
    const allowed = new Set<string>();
    for (const route of this.#table) {
      const methods = this.#handlers.get(route.handler);
      const groups = methods && groupsOf(route, path);
      if (!groups) continue;
      const handler = methods.get(method);
      if (handler !== undefined) return [[[handler, params(groups)]]];
      for (const name of methods.keys()) allowed.add(name);
    }
    if (allowed.has('GET')) allowed.add('HEAD');
    const refuse = allowed.size > 0 ? this.#handlers.get(METHOD_NOT_ALLOWED)?.get('ALL') : undefined;
    return refuse === undefined ? [[]] : [[[refuse, { allow: [...allowed].join(', ') }]]];
  }
}

function groupsOf({ pattern, lastMayBeEmpty }: Route, path: string): string[] | undefined {
  const match = pattern.exec(path);
  if (match) return match.slice(1).map((group) => group ?? '');
  if (!lastMayBeEmpty || !path.endsWith('/')) return undefined;
  const [, ...groups] = pattern.exec(path + PLACEHOLDER) ?? [];
  if (groups.at(-1) !== PLACEHOLDER) return undefined;
  return [...groups.slice(0, -1).map((group) => group ?? ''), ''];
}

/** Hono percent-decodes parameters leniently; escaping the percent sign makes that give the raw group back. */
function params(groups: readonly string[]): Record<string, string> {
  const result: Record<string, string> = {};
  for (let index = 0; index < groups.length; index += 1) {
    const group = groups[index] ?? '';
    result[index] = group.includes('%') ? group.replaceAll('%', '%25') : group;
  }
  return result;
}

import type { HandlerName, Route } from './config.ts';
import type { Kind } from './kind.ts';
import { didYouMean } from './nearest.ts';
import { compilePattern } from './pattern.ts';

/** A route as its kind reads it; the line is known to who has the file. */
export type RouteWithoutLine = Omit<Route, 'line'>;

/** The number of groups that each handler takes from the path. */
const groupsOf: Readonly<Record<HandlerName, readonly number[]>> = {
  Publisher: [3],
  Stats: [0],
  Dashboard: [0],
  PublishMany: [1, 2],
  ManagementPublish: [2],
  Metrics: [0],
  Health: [0],
  Ready: [0],
  OpenApi: [0],
};

const handlers = new Map<string, HandlerName>();
for (const name in groupsOf) if (isHandlerName(name)) handlers.set(`statelessd.${name}`, name);

/** `[regular expression, handler]`. */
export const route: Kind<RouteWithoutLine> = {
  text: 'yaml',
  read(value, at, report) {
    if (!Array.isArray(value) || value.length !== 2) {
      report(at, 'expected [regular expression, handler]', Array.isArray(value) ? undefined : { value });
      return undefined;
    }
    const [pattern, name]: readonly unknown[] = value;
    const known = [...handlers.keys()];
    const handler = typeof name === 'string' ? handlers.get(name) : undefined;
    if (handler === undefined) {
      const hint = typeof name === 'string' ? didYouMean(name, known) : '';
      report([...at, 1], `unknown handler; expected one of ${known.join(', ')}${hint}`);
    }
    if (typeof pattern !== 'string' || pattern === '') {
      report([...at, 0], 'expected a regular expression', pattern === '' ? undefined : { value: pattern });
      return undefined;
    }
    const compiled = compilePattern(pattern);
    if (!compiled.ok) {
      report([...at, 0], `expected a regular expression; this one has a mistake: ${compiled.reason}`);
      return undefined;
    }
    if (handler === undefined) return undefined;
    const expected = groupsOf[handler];
    if (!expected.includes(compiled.groups)) {
      report([...at, 0], `expected ${expected.join(' or ')} groups for statelessd.${handler}, not ${compiled.groups}`);
      return undefined;
    }
    return { pattern, regexp: compiled.regexp, handler };
  },
  print: ({ pattern, handler }) => [pattern, `statelessd.${handler}`],
};

function isHandlerName(name: string): name is HandlerName {
  return Object.hasOwn(groupsOf, name);
}

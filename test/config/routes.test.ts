import { describe, expect, it } from 'vitest';
import type { Route } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { formatProblem } from '../../src/config/problem.ts';

function parsed(...routes: [pattern: string, handler: string][]) {
  const lines = routes.map(([pattern, handler]) => `  - ['${pattern.replaceAll("'", "''")}', ${handler}]\n`);
  return parseConfig({ name: 'x.yaml', text: `Routes:\n${lines.join('')}` }, {});
}

function problems(...routes: [pattern: string, handler: string][]): string[] {
  const result = parsed(...routes);
  return result.ok ? [] : result.problems.map(formatProblem);
}

function route(pattern: string, handler: string): Route {
  const result = parsed([pattern, handler]);
  const [first] = result.ok ? (result.config.routes ?? []) : [];
  if (first === undefined) throw new Error(problems([pattern, handler]).join('\n'));
  return first;
}

describe('A route', () => {
  it('matches a whole path, anchored at both ends even around an alternative', () => {
    const { regexp } = route('/a|/b', 'statelessd.Stats');
    expect(['/a', '/b', '/ab', 'x/b', '/a/b', '/a\n'].map((path) => regexp.test(path))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('may bring its own anchors, as Python spells them too', () => {
    for (const pattern of ['^/x$', '\\A/x\\Z']) {
      const { regexp } = route(pattern, 'statelessd.Stats');
      expect(regexp.test('/x')).toBe(true);
      expect(regexp.test('/xA')).toBe(false);
    }
  });

  it('gives its groups in order, named as in Python or not', () => {
    const { regexp, pattern } = route('/(?P<vhost>[^/]+)/(?:x-)?([^/]+)/([^/]*)', 'statelessd.Publisher');
    expect(regexp.exec('/%2f/x-ex/')?.slice(1)).toEqual(['%2f', 'ex', '']);
    expect(regexp.exec('/a/b/c')?.groups).toEqual({ vhost: 'a' });
    expect(pattern).toBe('/(?P<vhost>[^/]+)/(?:x-)?([^/]+)/([^/]*)');
  });

  it.each([
    ['/a\\-b\\_c\\%2f', '/a-b_c%2f'],
    ['/[\\w\\-\\%]+', '/a-%'],
    ['/(?P<x>a+)-(?P=x)/()', '/aa-aa/'],
    ['/[]a]+', '/]a'],
    ['/[^]a]+', '/bcd'],
    ['/[(?P<]+', '/(?P<'],
    ['/x]', '/x]'],
    ['/[[a]+', '/[a'],
  ])('%s means what it means in Python: it matches %s', (pattern, path) => {
    const groups = pattern.includes('?P<x>') ? 'statelessd.ManagementPublish' : 'statelessd.Stats';
    expect(route(pattern, groups).regexp.test(path)).toBe(true);
  });

  it.each([
    ['statelessd.Publisher', 3],
    ['statelessd.PublishMany', 1],
    ['statelessd.PublishMany', 2],
    ['statelessd.ManagementPublish', 2],
    ['statelessd.Stats', 0],
    ['statelessd.Dashboard', 0],
    ['statelessd.Metrics', 0],
    ['statelessd.Health', 0],
    ['statelessd.Ready', 0],
    ['statelessd.OpenApi', 0],
  ])('to %s has %i groups', (handler, groups) => {
    const { handler: name, line } = route('/(.)'.repeat(groups) || '/', handler);
    expect(`statelessd.${name}`).toBe(handler);
    expect(line).toBe(2);
  });

  it.each([
    ['/([^/]+)/([^/]+)', 'statelessd.Publisher', 'expected 3 groups for statelessd.Publisher, not 2'],
    ['/([^/]+)/(([^/]+)/([^/]+))', 'statelessd.Publisher', 'expected 3 groups for statelessd.Publisher, not 4'],
    ['/(stats)', 'statelessd.Stats', 'expected 0 groups for statelessd.Stats, not 1'],
    ['/', 'statelessd.PublishMany', 'expected 1 or 2 groups for statelessd.PublishMany, not 0'],
    ['/(', 'statelessd.Stats', 'expected a regular expression; this one has a mistake: Unterminated group'],
    ['/a)(b', 'statelessd.Stats', "expected a regular expression; this one has a mistake: Unmatched ')'"],
    ['(?i)/a', 'statelessd.Stats', 'expected a regular expression; this one has a mistake: Invalid group'],
    ['/x{,3}', 'statelessd.Stats', 'expected a regular expression; this one has a mistake: Incomplete quantifier'],
    ['', 'statelessd.Stats', 'expected a regular expression'],
  ])('%s to %s is refused', (pattern, handler, message) => {
    expect(problems([pattern, handler])).toEqual([`x.yaml:2: Routes[0][0]: ${message}`]);
  });

  it('to an unknown handler is refused, at its line and with the nearest one', () => {
    expect(problems(['/', 'statelessd.Stats'], ['/([^/]+)', 'statelessd.Publishers'])).toEqual([
      'x.yaml:3: Routes[1][1]: unknown handler; expected one of statelessd.Publisher, statelessd.Stats, ' +
        'statelessd.Dashboard, statelessd.PublishMany, statelessd.ManagementPublish, statelessd.Metrics, ' +
        'statelessd.Health, statelessd.Ready, statelessd.OpenApi, did you mean statelessd.Publisher?',
    ]);
  });

  it('twice is refused; the same pattern for another handler is not', () => {
    expect(problems(['/', 'statelessd.Stats'], ['/', 'statelessd.Dashboard'])).toEqual([]);
    expect(problems(['/', 'statelessd.Stats'], ['/', 'statelessd.Stats'])).toEqual([
      'x.yaml:3: Routes[1]: duplicate of [0]',
    ]);
  });

  it.each([
    ['{/: statelessd.Stats}', 'Routes: expected a list of [regular expression, handler], not a mapping'],
    ['[/stats]', 'Routes[0]: expected [regular expression, handler], not a string'],
    ['[[/stats]]', 'Routes[0]: expected [regular expression, handler]'],
    ['[[5, statelessd.Stats]]', 'Routes[0][0]: expected a regular expression, not an integer'],
  ])('is a pair: %s is refused', (routes, message) => {
    const result = parseConfig({ name: 'x.yaml', text: `Routes: ${routes}` }, {});
    expect(result.ok ? [] : result.problems.map(formatProblem)).toEqual([`x.yaml:1: ${message}`]);
  });
});

import type { Parameter } from './operation.ts';

/** The expression between the anchors. */
const ANCHORED = /^\^(?:\(\?:(.*)\)|(.*))\$$/s;

/** A group of whatever stands there, named or not; a character that stands for itself. */
const TOKEN = /\((?:\?<\w+>)?(?:\.|\[\^\\?\/\])[*+]\)|\\[^\w\s]|[^\\()[\]{}.*+?|^$\s]/y;

/**
 * The path that a row of the route table matches, with its groups as parameters: `/{vhost}/{exchange}`. `undefined`
 * where the regular expression has more to say than text and groups.
 */
export function templateOf({ source }: RegExp, parameters: readonly Parameter[], optional = 0): string | undefined {
  const match = ANCHORED.exec(source);
  const expression = match?.[1] ?? match?.[2];
  if (expression === undefined) return undefined;
  const names = parameters.map(({ name }) => name);
  let template = '';
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < expression.length; ) {
    const token = TOKEN.exec(expression)?.[0];
    if (token === undefined) return undefined;
    template += token.startsWith('(') ? `{${names.shift()}}` : token.replace('\\', '');
  }
  return names.length <= optional ? template : undefined;
}

/** A route's pattern, compiled; or why it cannot be, in a few words. */
export type Compiled =
  | { readonly ok: true; readonly regexp: RegExp; readonly groups: number }
  | { readonly ok: false; readonly reason: string };

/** Compiles a Python regular expression as Tornado applies it: to the whole path, from its start to its end. */
export function compilePattern(pattern: string): Compiled {
  const source = fromPython(pattern);
  try {
    // By itself first, for between the anchors `a)(b` would be valid. The empty alternative always matches, with as
    // many groups as there are.
    new RegExp(source, 'u');
    const match = new RegExp(`${source}|`, 'u').exec('') ?? [''];
    return { ok: true, regexp: new RegExp(`^(?:${source})$`, 'u'), groups: match.length - 1 };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { ok: false, reason: error.message.split(': ').at(-1) ?? error.message };
  }
}

/**
 * Translates what Python spells differently. The `u` flag refuses what is left: without it JavaScript would read an
 * escape or a brace that it does not know as some other text, silently.
 */
function fromPython(pattern: string): string {
  let inClass = false;
  return pattern.replace(/\\[\s\S]|\(\?P<|\(\?P=(\w+)\)|\[\^?\]?|\]/g, (token: string, name: string | undefined) => {
    if (token.startsWith('\\')) return fromPythonEscape(token, inClass);
    if (inClass) {
      inClass = !token.endsWith(']');
      return token;
    }
    // Outside of a class this bracket is a text, and so it is as the first of a class.
    if (token === ']') return '\\]';
    inClass = token.startsWith('[');
    if (inClass) return token.replace(']', '\\]');
    return name === undefined ? '(?<' : `\\k<${name}>`;
  });
}

function fromPythonEscape(token: string, inClass: boolean): string {
  const character = token.slice(1);
  if (!inClass && character === 'A') return '^';
  if (!inClass && character === 'Z') return '$';
  // Python lets any punctuation be escaped, JavaScript only what has a meaning.
  if (/[a-zA-Z0-9^$\\.*+?()[\]{}|/]/.test(character) || (inClass && character === '-')) return token;
  return character;
}

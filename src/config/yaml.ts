import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type Tags,
  visit,
  type YAMLMap,
} from 'yaml';
import type { Path } from './kind.ts';
import { type ConfigProblem, formatPath } from './problem.ts';

/** A mistake in the YAML itself. */
export interface YamlMistake {
  readonly at: Path;
  readonly line: number | undefined;
  readonly message: string;
}

export type YamlResult =
  | {
      readonly ok: true;
      /** Mappings are Maps. */
      readonly value: unknown;
      /** The line, from 1, of a key or a list's item; undefined where there is none. */
      lineOf(path: Path): number | undefined;
      /** Whether the value at a path, or one below it, has an anchor for aliases elsewhere. */
      isAnchored(path: Path): boolean;
      /** Keys that stand twice: their values cannot both be meant, but the rest can be judged. */
      readonly duplicates: readonly YamlMistake[];
    }
  | { readonly ok: false; readonly mistakes: readonly YamlMistake[] };

/**
 * One YAML 1.2 document of the core schema, with what files of YAML 1.1 hold besides: merge keys, and the tags that
 * PyYAML writes. Words such as `yes` and numbers such as `1_000` stay texts, for the kind of their key to read.
 */
export function parseYaml(text: string): YamlResult {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    customTags: (tags) => [leadingZero, ...pythonTags, ...tags],
    lineCounter: lines,
    merge: true,
    // Pretty errors quote the source, and the source may hold secrets.
    prettyErrors: false,
    resolveKnownTags: false,
    schema: 'core',
    stringKeys: true,
    uniqueKeys: false,
  });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  const mistakes = new Map<number, YamlMistake>();
  for (const error of [...document.errors, ...document.warnings]) {
    const line = lineAt(error.pos[0]);
    // What follows on the same line is mostly a consequence of the first.
    if (!mistakes.has(line)) mistakes.set(line, { at: [], line, message: messageOf(error.code, error.message) });
  }
  if (mistakes.size > 0) return { ok: false, mistakes: [...mistakes.values()] };
  const merges = wrongMerges(document, lineAt);
  if (merges.length > 0) return { ok: false, mistakes: merges };
  try {
    return {
      ok: true,
      value: document.toJS({ mapAsMap: true }),
      lineOf: (path) => lineOf(document, path, lineAt),
      isAnchored: (path) => isAnchored(document, path),
      duplicates: duplicateKeys(document, lineAt),
    };
  } catch (error) {
    // An alias without an anchor, or too many of them; the library's words may quote the source.
    if (!(error instanceof ReferenceError)) throw error;
    const message = error.message.startsWith('Unresolved') ? noAnchor : 'too many aliases';
    return { ok: false, mistakes: [{ at: [], line: aliasLine(document, lineAt), message }] };
  }
}

/** `010` is 8 in YAML 1.1 and 10 in YAML 1.2, so it is no number. */
const leadingZero: Tags[number] = {
  tag: 'tag:yaml.org,2002:str',
  default: true,
  test: /^[-+]?0[0-9_]+$/,
  resolve: (text: string) => text,
};

/** Of what Python's yaml.dump makes of tuples and texts. */
const pythonTags: Tags = [
  { tag: 'tag:yaml.org,2002:python/tuple', collection: 'seq', resolve: (value) => value },
  ...['str', 'unicode'].map((name) => ({
    tag: `tag:yaml.org,2002:python/${name}`,
    resolve: (text: string) => text,
  })),
];

/** The mistakes of a file, or of an environment variable that holds what is at a path. */
export function problemsOf(parsed: YamlResult, file: string, path: Path = []): ConfigProblem[] {
  const mistakes = parsed.ok ? parsed.duplicates : parsed.mistakes;
  return mistakes.map(({ at, line, message }) => ({ file, line, key: formatPath([...path, ...at]), message }));
}

const noAnchor = 'an alias (*name) without an anchor (&name) before it; quote a text that begins with *';

/** For what the library would say with a quotation, or in words that do not help. */
const messages = new Map([
  ['BAD_DIRECTIVE', 'an unknown directive (%name)'],
  ['BAD_DQ_ESCAPE', 'an unknown escape (\\) in double quotes'],
  ['MULTIPLE_DOCS', 'expected one YAML document, here begins a second one'],
  ['NON_STRING_KEY', 'expected keys that are names'],
  ['TAG_RESOLVE_FAILED', 'an unknown tag (!name); quote a text that begins with !'],
]);

function messageOf(code: string, message: string): string {
  // What follows a colon here is the source.
  const unquoted = code === 'UNEXPECTED_TOKEN' ? message.replace(/(?<! ): .*/s, '') : message;
  return messages.get(code) ?? `not valid YAML: ${unquoted}`;
}

function lineOf(document: Document.Parsed, path: Path, lineAt: (offset: number) => number): number | undefined {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = pairOf(document, node, part);
      if (pair === undefined) return undefined;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number' && part < node.items.length) {
      node = node.items[part];
      offset = startOf(node) ?? offset;
    } else return undefined;
  }
  return lineAt(offset);
}

/** The pair that sets a key of a mapping: its own, or one that is merged into it. */
function pairOf(document: Document.Parsed, map: YAMLMap, key: string | number): Pair | undefined {
  const own = map.items.findLast((pair) => isScalar(pair.key) && String(pair.key.value) === key && !isMerge(pair));
  if (own !== undefined) return own;
  for (const source of map.items.filter(isMerge).flatMap((pair) => mergeSources(document, pair))) {
    const merged = isMap(source) ? pairOf(document, source, key) : undefined;
    if (merged !== undefined) return merged;
  }
  return undefined;
}

/** `<<`, unless it is quoted. */
function isMerge({ key }: Pair): boolean {
  return isScalar(key) && key.value === '<<' && key.type === 'PLAIN';
}

/** What a merge key stands for: mappings, where the file is right. */
function mergeSources(document: Document.Parsed, { value }: Pair): unknown[] {
  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const source = resolve(value);
  return isSeq(source) ? source.items.map(resolve) : [source];
}

function wrongMerges(document: Document.Parsed, lineAt: (offset: number) => number): YamlMistake[] {
  const found: YamlMistake[] = [];
  visit(document, {
    Pair(_, pair) {
      if (!isMerge(pair)) return;
      const wrong = mergeSources(document, pair).filter((source) => !isMap(source));
      if (wrong.length === 0) return;
      const line = lineAt(startOf(pair.key) ?? 0);
      const message = wrong.includes(undefined) ? noAnchor : 'expected a mapping after <<, or a list of them';
      found.push({ at: [], line, message });
    },
  });
  return found;
}

function isAnchored(document: Document.Parsed, path: Path): boolean {
  let found = false;
  const node: unknown = document.getIn(path, true);
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return false;
  visit(node, {
    Value(_, { anchor }) {
      found ||= anchor !== undefined;
    },
  });
  return found;
}

function startOf(node: unknown): number | undefined {
  const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
  return range?.[0];
}

function duplicateKeys(document: Document.Parsed, lineAt: (offset: number) => number): YamlMistake[] {
  const found: YamlMistake[] = [];
  const walk = (node: unknown, at: Path): void => {
    if (isSeq(node)) node.items.forEach((item, index) => void walk(item, [...at, index]));
    if (!isMap(node)) return;
    const seen = new Map<string, number>();
    for (const pair of node.items) {
      const { key, value } = pair;
      if (!isScalar(key) || isMerge(pair)) continue;
      const name = String(key.value);
      const line = lineAt(startOf(key) ?? 0);
      const first = seen.get(name);
      if (first !== undefined) {
        found.push({ at: [...at, name], line, message: `duplicate key, first on line ${first}` });
      }
      seen.set(name, first ?? line);
      walk(value, [...at, name]);
    }
  };
  walk(document.contents, []);
  return found;
}

function aliasLine(document: Document.Parsed, lineAt: (offset: number) => number): number | undefined {
  let line: number | undefined;
  visit(document, {
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return undefined;
      line = lineAt(startOf(alias) ?? 0);
      return visit.BREAK;
    },
  });
  return line;
}

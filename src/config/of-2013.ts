import { isAbsolute } from 'node:path';
import type { PathsConfig } from './config.ts';
import { withValue } from './environment.ts';
import { isWithin, type Path } from './kind.ts';
import { didYouMean } from './nearest.ts';
import { retired } from './retired.ts';

/** A file's tree in today's keys. */
export interface Modernized {
  readonly tree: unknown;
  /** What became of the keys that only the Python stack of 2013 knew. */
  readonly notes: readonly Note[];
  /** The path that the file has for one of today's. */
  written(path: Path): Path;
}

/** What became of a key; never its value, for that may be a secret. */
export interface Note {
  /** The key as the file has it. */
  readonly at: Path;
  readonly message: string;
}

interface Renamed {
  readonly from: Path;
  readonly to: Path;
}

const sslOptions: Path = ['HTTPServer', 'ssl_options'];
const tls: Path = ['HTTPServer', 'tls'];

/** Keys that mean the same under another name. */
const renamed: readonly Renamed[] = [
  { from: ['Application', 'static_path'], to: ['Application', 'paths', 'static'] },
  { from: ['Application', 'template_path'], to: ['Application', 'paths', 'templates'] },
  { from: sslOptions, to: tls },
];

/** Those of `ssl_options`, once it is `tls`. */
const renamedInTls = new Map([
  ['cert', 'certfile'],
  ['key', 'keyfile'],
  ['client_ca', 'ca_certs'],
  ['client_cert', 'cert_reqs'],
]);

/**
 * Reads a file as the Python stack of 2013 did (clihelper, Tinman, Tornado): its names for what there still is become
 * today's, and what there is no more is left out, with a note. All that neither it nor statelessd knows stays, to be
 * refused.
 *
 * @param sections the known ones
 * @param isAnchored whether aliases may point to what is at a path, or below it
 */
export function modernize(
  given: unknown,
  sections: readonly string[],
  isAnchored: (path: Path) => boolean,
): Modernized {
  const notes: Note[] = [];
  const moves: Renamed[] = [];
  let tree = withoutAnchorHolders(withoutRetired(given, notes), sections, isAnchored, notes);
  for (const { from, to } of renamed) {
    const value = valueAt(tree, from);
    if (value === undefined) continue;
    tree = withValue(tree, from, undefined);
    // A key without a value, as Python's None, says nothing.
    if (value === null) continue;
    if (valueAt(tree, to) !== undefined) {
      notes.push({ at: from, message: `not used: ${to.slice(1).join('.')} says otherwise` });
      continue;
    }
    moves.push({ from, to });
    tree = withValue(tree, to, from === sslOptions ? asTls(value, moves, notes) : value);
  }
  const pidfile = valueAt(tree, ['Daemon', 'pidfile']);
  // clihelper put the name of its program there.
  if (typeof pidfile === 'string') tree = withValue(tree, ['Daemon', 'pidfile'], pidfile.replace('%(app)s', 'tinman'));
  tree = withPlainRoutes(tree, moves, notes);
  return { tree, notes, written: (path) => written(path, moves) };
}

/** The paths with `{{base}}` replaced, as Tinman did it; without a base it is the current directory. */
export function withBase(paths: PathsConfig): PathsConfig {
  const { base = '.' } = paths;
  const replace = (path: string): string => {
    // What is relative is so to base already.
    const relative = isAbsolute(base) ? path : path.replace(/^\{\{base\}\}\/*/, './');
    return relative.replaceAll('{{base}}', () => base);
  };
  return {
    ...paths,
    ...(paths.static !== undefined && { static: replace(paths.static) }),
    ...(paths.templates !== undefined && { templates: replace(paths.templates) }),
  };
}

function withoutRetired(given: unknown, notes: Note[]): unknown {
  let tree = given;
  for (const [section, keys] of retired) {
    for (const [key, becomes] of Object.entries(keys)) {
      const at = [...section, key];
      const value = valueAt(tree, at);
      if (value === undefined) continue;
      const message = value === null ? undefined : becomes(value);
      if (message !== undefined) notes.push({ at, message });
      tree = withValue(tree, at, undefined);
    }
  }
  return tree;
}

/** Python did not look at other sections than its own; what others hold may be meant for aliases. */
function withoutAnchorHolders(
  tree: unknown,
  sections: readonly string[],
  isAnchored: (path: Path) => boolean,
  notes: Note[],
): unknown {
  const isHolder = (key: string) => !sections.includes(key) && isAnchored([key]) && didYouMean(key, sections) === '';
  const holders = tree instanceof Map ? [...tree.keys()].map(String).filter(isHolder) : [];
  for (const key of holders) notes.push({ at: [key], message: 'not used, but for its anchors' });
  return holders.reduce<unknown>((rest, key) => withValue(rest, [key], undefined), tree);
}

/** What was given to Python's ssl.wrap_socket. A certificate's file may hold its key. */
function asTls(value: unknown, moves: Renamed[], notes: Note[]): unknown {
  if (!(value instanceof Map)) return value;
  const options = new Map([...value].filter(([, each]) => each !== null));
  if (options.has('ca_certs') && (options.get('cert_reqs') ?? 'none') === 'none') {
    notes.push({ at: [...sslOptions, 'ca_certs'], message: 'not used: cert_reqs asks for no certificate' });
    options.delete('ca_certs');
  }
  const holdsKey = options.has('certfile') && !options.has('keyfile');
  if (holdsKey) options.set('keyfile', options.get('certfile'));
  const result = new Map<unknown, unknown>(options);
  for (const [key, was] of renamedInTls) {
    result.delete(was);
    if (options.has(was)) result.set(key, options.get(was));
    const from = was === 'keyfile' && holdsKey ? 'certfile' : was;
    moves.push({ from: [...sslOptions, from], to: [...tls, key] });
  }
  return result;
}

/** Rows of the table as [pattern, handler]: Tinman took a word before the pattern, and settings after the handler. */
function withPlainRoutes(tree: unknown, moves: Renamed[], notes: Note[]): unknown {
  const routes = valueAt(tree, ['Routes']);
  if (!Array.isArray(routes)) return tree;
  const rows: readonly unknown[] = routes;
  const plain = rows.map((row, index) => {
    if (!Array.isArray(row)) return row;
    const parts: readonly unknown[] = row;
    const shift = parts[0] === 're' && parts.length > 2 ? 1 : 0;
    const [pattern, handler, settings, ...others] = parts.slice(shift);
    const hasSettings = settings instanceof Map && settings.size > 0;
    const isSettings = settings === null || settings === undefined || settings instanceof Map;
    if (!isSettings || others.length > 0) return row;
    if (hasSettings) {
      notes.push({ at: ['Routes', index, shift + 2], message: 'not used: statelessd’s handlers have no settings' });
    }
    for (const place of [0, 1]) moves.push({ from: ['Routes', index, place + shift], to: ['Routes', index, place] });
    return parts.length < 2 ? row : [pattern, handler];
  });
  return withValue(tree, ['Routes'], plain);
}

/** The value at a path of mappings. */
function valueAt(tree: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return tree;
  return tree instanceof Map ? valueAt(tree.get(key), rest) : undefined;
}

function written(path: Path, moves: readonly Renamed[]): Path {
  const move = moves
    .filter(({ to }) => isWithin(path, to))
    .reduce<Renamed | undefined>((best, each) => (each.to.length >= (best?.to.length ?? 0) ? each : best), undefined);
  return move === undefined ? path : [...move.from, ...path.slice(move.to.length)];
}

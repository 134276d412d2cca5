import { readdir, readFile } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import type { PathsConfig } from '../../config/config.ts';
import type { Asset, Assets } from '../../handler/routes/dashboard.ts';

const PAGE = 'index.html';

/** The file in the folder `Application.paths.templates` that takes the page's place. */
const OWN_PAGE = 'dashboard.html';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=UTF-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=UTF-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=UTF-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=UTF-8',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};

/** The files that come with the program, by name. */
export type BuiltInAssets = ReadonlyMap<string, Asset>;

/** Reads them whole: whoever serves them may not be able to read the program's folder any more. */
export async function readBuiltIn(folder: string): Promise<BuiltInAssets> {
  const names = await readdir(folder);
  const files = await Promise.all(names.map(async (name) => [name, await read(join(folder, name))] as const));
  return new Map(files.flatMap(([name, asset]) => (asset ? [[name, asset] as const] : [])));
}

/** The page and its files: those of `Application.paths` where there are any, else the built-in ones. */
export class FileAssets implements Assets {
  readonly #builtIn: BuiltInAssets;
  readonly #static: string | undefined;
  readonly #templates: string | undefined;

  constructor(builtIn: BuiltInAssets, { base = '.', static: own, templates }: PathsConfig) {
    this.#builtIn = builtIn;
    this.#static = own === undefined ? undefined : resolve(base, own);
    this.#templates = templates === undefined ? undefined : resolve(base, templates);
  }

  async page(): Promise<Asset & { readonly builtIn: boolean }> {
    const own = this.#templates === undefined ? undefined : await read(join(this.#templates, OWN_PAGE));
    if (own) return { ...own, builtIn: false };
    const page = this.#builtIn.get(PAGE);
    if (!page) throw new Error(`the built-in page is missing: ${PAGE}`);
    return { ...page, builtIn: true };
  }

  async file(name: string): Promise<Asset | undefined> {
    const own = this.#static === undefined ? undefined : await read(join(this.#static, name));
    return own ?? this.#builtIn.get(name);
  }
}

/** Undefined where there is no such file, or none that this process may read. */
async function read(path: string): Promise<Asset | undefined> {
  try {
    return { bytes: await readFile(path), contentType: TYPES[extname(path)] ?? 'application/octet-stream' };
  } catch {
    return undefined;
  }
}

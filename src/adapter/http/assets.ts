import { readFile } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PathsConfig } from '../../config/config.ts';
import type { Asset, Assets } from '../../handler/routes/dashboard.ts';

/** Where the build puts the page, seen from here: this file's source and its built form lie at the same depth. */
const BUILT_IN = fileURLToPath(new URL('../../../dist/dashboard', import.meta.url));

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

/** The page and its files: those of `Application.paths` where there are any, else the built-in ones. */
export class FileAssets implements Assets {
  readonly #static: readonly string[];
  readonly #templates: string | undefined;

  constructor({ base = '.', static: own, templates }: PathsConfig) {
    this.#static = own === undefined ? [BUILT_IN] : [resolve(base, own), BUILT_IN];
    this.#templates = templates === undefined ? undefined : resolve(base, templates);
  }

  async page(): Promise<Asset & { readonly builtIn: boolean }> {
    const own = this.#templates === undefined ? undefined : await read(join(this.#templates, OWN_PAGE));
    if (own) return { ...own, builtIn: false };
    const page = await read(join(BUILT_IN, PAGE));
    if (!page) throw new Error(`the built-in page is missing: ${join(BUILT_IN, PAGE)}`);
    return { ...page, builtIn: true };
  }

  async file(name: string): Promise<Asset | undefined> {
    for (const folder of this.#static) {
      const asset = await read(join(folder, name));
      if (asset) return asset;
    }
    return undefined;
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

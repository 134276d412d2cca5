import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
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

/** The page and its files: those of `Application.paths` where there are any, else the built-in ones. */
export class FileAssets implements Assets {
  readonly #builtIn: string;
  readonly #static: readonly string[];
  readonly #templates: string | undefined;

  /** @param builtIn the folder of the built-in ones */
  constructor(builtIn: string, { base = '.', static: own, templates }: PathsConfig) {
    this.#builtIn = builtIn;
    this.#static = own === undefined ? [builtIn] : [resolve(base, own), builtIn];
    this.#templates = templates === undefined ? undefined : resolve(base, templates);
  }

  async page(): Promise<Asset & { readonly builtIn: boolean }> {
    const own = this.#templates === undefined ? undefined : await read(join(this.#templates, OWN_PAGE));
    if (own && !isTornadoTemplate(new TextDecoder().decode(own.bytes))) return { ...own, builtIn: false };
    const page = await read(join(this.#builtIn, PAGE));
    if (!page) throw new Error(`the built-in page is missing: ${join(this.#builtIn, PAGE)}`);
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

/** The path of the page below `templates` if it is a template of 2013, which nothing renders here. */
export function tornadoTemplateIn({ base = '.', templates }: PathsConfig): string | undefined {
  if (templates === undefined) return undefined;
  const path = resolve(base, templates, OWN_PAGE);
  try {
    return isTornadoTemplate(readFileSync(path, 'utf8')) ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Of a statement in Tornado's templates. */
const STATEMENT =
  /\{%\s*(?:apply|autoescape|block|comment|extends|for|from|if|import|include|module|raw|set|try|while|whitespace)\b/;

/** Of an expression with one of the names that Tornado gives to each template. */
const EXPRESSION =
  /\{\{[^}]*(?<![.\w])(?:handler|request|current_user|locale|_|static_url|xsrf_form_html|reverse_url|escape|xhtml_escape|url_escape|json_encode|squeeze|linkify|datetime)\b/;

/**
 * Whether a page is a template for Tornado. 2013's program gave its page no names of its own. Braces that mean something
 * to a library in the browser are none of Tornado's.
 */
function isTornadoTemplate(page: string): boolean {
  return STATEMENT.test(page) || EXPRESSION.test(page);
}

/** Undefined where there is no such file, or none that this process may read. */
async function read(path: string): Promise<Asset | undefined> {
  try {
    return { bytes: await readFile(path), contentType: TYPES[extname(path)] ?? 'application/octet-stream' };
  } catch {
    return undefined;
  }
}

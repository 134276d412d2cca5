import { accessSync, constants, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Document, documents, readDocument } from './document.ts';

const root = new URL('../..', import.meta.url);

/** As GitHub names them. */
const anchorsOf = ({ text }: Document): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe('The documents', () => {
  it.each(documents())('link from $path to what is there', (document) => {
    for (const [, target = '', anchor] of document.text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const url = target === '' ? new URL(document.path, root) : new URL(target, new URL(document.path, root));
      accessSync(url);
      const path = url.pathname.slice(root.pathname.length);
      if (anchor !== undefined) expect(anchorsOf(readDocument(path))).toContain(anchor);
    }
  });

  it.each(documents())('name in $path commands and tests that are there', ({ text }) => {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
    for (const [, name = ''] of text.matchAll(/\bnpm run ([a-z]+)/g)) expect(Object.keys(scripts)).toContain(name);
    for (const [script] of text.matchAll(/\bscripts\/[a-z-]+/g)) accessSync(new URL(script, root), constants.X_OK);
    for (const [file] of text.matchAll(/\b(test|src)\/[\w./-]+\.ts\b/g)) accessSync(new URL(file, root));
  });

  it('are all named by the README', () => {
    const [readme, ...pages] = documents();
    expect(pages.filter(({ path }) => !readme?.text.includes(`(${path})`)).map(({ path }) => path)).toEqual([]);
  });
});

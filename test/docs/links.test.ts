import { accessSync } from 'node:fs';
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

  it('are all named by the README', () => {
    const [readme, ...pages] = documents();
    expect(pages.filter(({ path }) => !readme?.text.includes(`(${path})`)).map(({ path }) => path)).toEqual([]);
  });
});

import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MADE_HERE = new Set(['.git', '.local', 'dist', 'node_modules']);

/** The repository's files in a folder of their own, as in a fresh clone. */
export function makeClone(): string {
  const directory = mkdtempSync(join(tmpdir(), 'statelessd-clone-'));
  cpSync(ROOT, directory, { recursive: true, filter: (path) => !MADE_HERE.has(basename(path)) });
  return directory;
}

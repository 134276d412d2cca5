import { readFileSync } from 'node:fs';
import * as v from 'valibot';

/** The package's version; its manifest lies three folders up, from the sources as from what is built of them. */
export const VERSION: string = v.parse(
  v.object({ version: v.string() }),
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')),
).version;

/**
 * `npm run soak [MINUTES]`: many users and exchanges, and a random fault now and then; afterwards every message is
 * accounted for, and memory, descriptors and channels are compared with what they were in the second quarter.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { PAGE, SOAK, tally, withSection } from './report.ts';
import { soak } from './soak-run.ts';

const minutes = Number(process.argv[2] ?? 10);
const { verdict, growth, clean } = await soak({ minutes, log: (line) => console.log(line) });
const figures = Object.entries(growth).map(([name, ratio]) => `${name} ${ratio.toFixed(2)}`);
const text =
  `${minutes} minutes, 200 users and 50 exchanges, a fault every 30 s: ${tally([verdict])}. ` +
  `In the last quarter, as a multiple of the second: ${figures.join(', ')}.\n`;
console.log(`${clean ? 'clean' : 'NOT CLEAN'}: ${text}`);
await writeFile(PAGE, withSection(await readFile(PAGE, 'utf8'), SOAK, text));
process.exitCode = clean ? 0 : 1;

/**
 * `npm run attack [NAME …]`: every attack, or those whose names begin so, on the built gateway in 512 MiB beside honest
 * clients. Writes the table of docs/security.md when all were run, and fails where a promise is broken.
 *
 *   --seconds N       how long each attack goes on; 8 by default
 *   --connections N   how many connections with mutated requests; 20,000 by default
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { attacks } from './attacks.ts';
import { brokenBy, lineOf, PAGE, withTable } from './report.ts';
import { LIMITS, type Row, runAttack } from './run-attack.ts';
import { sweepAbandoned, sweepLimits } from './support/memory-limit.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '8' },
    connections: { type: 'string', default: '20000' },
  },
});
const options = { seconds: Number(values.seconds), fuzzedConnections: Number(values.connections) };
const isWanted = (name: string): boolean =>
  positionals.length === 0 || positionals.some((prefix) => name.startsWith(prefix));
const wanted = attacks.filter(({ name }) => isWanted(name));
if (wanted.length === 0)
  throw new Error(`there is no such attack; there are ${attacks.map(({ name }) => name).join(', ')}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void sweepLimits(LIMITS).then(() => process.exit(1)));
await sweepAbandoned();
const startedAt = performance.now();
const broker = await startBroker({ name: 'attack', management: true });
const rows: Row[] = [];
try {
  for (const attack of wanted) {
    const row = await runAttack(attack, broker, options);
    rows.push(row);
    console.log(lineOf(row));
  }
} finally {
  await broker.close();
}
const broken = rows.filter((row) => brokenBy(row).length > 0);
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
console.log(`${rows.length} attacks in ${minutes} minutes; promises broken by ${broken.length} of them`);
if (positionals.length === 0) await writeFile(PAGE, withTable(await readFile(PAGE, 'utf8'), rows));
if (broken.length > 0) process.exitCode = 1;

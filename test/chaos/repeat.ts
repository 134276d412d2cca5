/**
 * `npm run repeat [RUNS]`: every fault and poison, in all worlds at once, so many times in a row (10). Adds what came of
 * it to docs/reliability.md.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { faults } from './faults.ts';
import { isClean, judge, type Verdict } from './ledger.ts';
import { createPoisonWorld, startPoisonLoad } from './poison-world.ts';
import { PAGE, RUNS_IN_A_ROW, tally, withSection } from './report.ts';
import { runFault } from './run-fault.ts';
import { World } from './world.ts';
import { worldNames, worlds } from './worlds.ts';

const MESSAGES_AROUND = 500;
const POISON_MESSAGES = 5_000;

const runs = Number(process.argv[2] ?? 10);

type Named = readonly [string, Verdict];

async function faultsOf(kind: keyof typeof worlds): Promise<Named[]> {
  const world = await World.create(worlds[kind]);
  const verdicts: Named[] = [];
  for (const fault of faults.filter((each) => each.world === kind && !each.slow))
    verdicts.push([fault.name, (await runFault(fault, world, MESSAGES_AROUND)).verdict]);
  await world.close();
  return verdicts;
}

async function poisonRun(): Promise<Named[]> {
  const world = await createPoisonWorld();
  const load = startPoisonLoad(world, { clients: 50, messages: POISON_MESSAGES });
  const verdict = judge(await load.done(), await world.readOut());
  await world.close();
  return [['poison', verdict]];
}

const all: Named[] = [];
for (let run = 1; run <= runs; run += 1) {
  const verdicts = (await Promise.all([...worldNames.map(faultsOf), poisonRun()])).flat();
  all.push(...verdicts);
  const unclean = verdicts.filter(([, verdict]) => !isClean(verdict));
  const messages = verdicts.reduce((sum, [, verdict]) => sum + verdict.messages, 0);
  console.log(`run ${run} of ${runs}: ${messages} messages, ${unclean.length === 0 ? 'clean' : 'NOT CLEAN'}`);
  for (const [name, verdict] of unclean) console.log(`    ${name}: ${JSON.stringify(verdict).slice(0, 1_000)}`);
}

const verdicts = all.map(([, verdict]) => verdict);
const text = `${runs} runs of ${all.length / runs} faults each, all worlds at once: ${tally(verdicts)}.\n`;
console.log(text);
await writeFile(PAGE, withSection(await readFile(PAGE, 'utf8'), RUNS_IN_A_ROW, text));
process.exitCode = verdicts.every(isClean) ? 0 : 1;

/**
 * `npm run repeat [RUNS]`: every fault and poison, in all worlds at once, so many times in a row (10). Adds what came of
 * it to docs/reliability.md.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { faults } from './faults.ts';
import { isClean, judge, type Verdict } from './ledger.ts';
import { Load } from './load.ts';
import { MAX_MESSAGE_SIZE, POISONER, poison, preparePoison } from './poison.ts';
import { PAGE, RUNS_IN_A_ROW, withSection } from './report.ts';
import { runFault } from './run-fault.ts';
import { World } from './world.ts';
import { worlds } from './worlds.ts';

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
  const world = await World.create({ broker: { config: { max_message_size: String(MAX_MESSAGE_SIZE) } } });
  await preparePoison(world.topology);
  const load = new Load({
    ports: world.gateway.ports,
    clients: 50,
    messages: POISON_MESSAGES,
    shot: (n) => (n % 33 === 0 ? poison(world.topology, n / 33) : { ...world.innocent(n), user: POISONER }),
  });
  const verdict = judge(await load.done(), await world.readOut());
  await world.close();
  return [['poison', verdict]];
}

const kinds = Object.keys(worlds).filter((name): name is keyof typeof worlds => name in worlds);
const all: Named[] = [];
for (let run = 1; run <= runs; run += 1) {
  const verdicts = (await Promise.all([...kinds.map(faultsOf), poisonRun()])).flat();
  all.push(...verdicts);
  const unclean = verdicts.filter(([, verdict]) => !isClean(verdict));
  const messages = verdicts.reduce((sum, [, verdict]) => sum + verdict.messages, 0);
  console.log(`run ${run} of ${runs}: ${messages} messages, ${unclean.length === 0 ? 'clean' : 'NOT CLEAN'}`);
  for (const [name, verdict] of unclean) console.log(`    ${name}: ${JSON.stringify(verdict).slice(0, 1_000)}`);
}

const sum = (count: (verdict: Verdict) => number): number =>
  all.reduce((total, [, verdict]) => total + count(verdict), 0);
const text =
  `${runs} runs of ${all.length / runs} faults each, all worlds at once: ${sum(({ messages }) => messages)} messages, ` +
  `${sum(({ confirmed }) => confirmed)} confirmed, **${sum(({ lost }) => lost.length)} lost**, ` +
  `${sum(({ falseNo }) => falseNo.length)} false no, ${sum(({ misattributed }) => misattributed.length)} misattributed, ` +
  `${sum(({ unanswered }) => unanswered.length)} unanswered, ${sum(({ duplicates }) => duplicates)} duplicates.\n`;
console.log(text);
await writeFile(PAGE, withSection(await readFile(PAGE, 'utf8'), RUNS_IN_A_ROW, text));
process.exitCode = all.every(([, verdict]) => isClean(verdict)) ? 0 : 1;

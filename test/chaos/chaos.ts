/**
 * `npm run chaos [FAULT …]`: every fault, or those whose names begin so, with more messages than the test suite takes
 * time for; then poison among innocents against a clean run. Writes docs/reliability.md when all were run.
 */
import { writeFile } from 'node:fs/promises';
import { faults } from './faults.ts';
import { isClean, judge } from './ledger.ts';
import { Load } from './load.ts';
import { MAX_MESSAGE_SIZE, POISONER, poison, preparePoison } from './poison.ts';
import { type Row, report } from './report.ts';
import { runFault } from './run-fault.ts';
import { World } from './world.ts';
import { worlds } from './worlds.ts';

const MESSAGES_AROUND = 3_000;
const POISON_MESSAGES = 15_000;
const PAGE = new URL('../../docs/reliability.md', import.meta.url);

const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix));

const rows: Row[] = [];
const notes: string[] = [];

function note(row: Row): void {
  rows.push(row);
  const { verdict } = row;
  const wrong = [...verdict.lost, ...verdict.falseNo, ...verdict.misattributed, ...verdict.unanswered];
  console.log(
    `${isClean(verdict) ? 'clean' : 'NOT CLEAN'}  ${row.fault}: ${verdict.messages} messages, ${verdict.confirmed} confirmed`,
  );
  for (const line of wrong.slice(0, 10)) console.log(`    ${line}`);
}

for (const [kind, options] of Object.entries(worlds)) {
  const chosen = faults.filter((fault) => fault.world === kind && isWanted(fault.name));
  if (chosen.length === 0) continue;
  const world = await World.create(options);
  for (const fault of chosen) {
    const { verdict } = await runFault(fault, world, MESSAGES_AROUND);
    note({ fault: fault.name, what: fault.what, verdict });
  }
  await world.close();
}

/** Seconds that the messages took, of which a part is poison. */
async function poisonRun(world: World, share: number): Promise<number> {
  const startedAt = performance.now();
  const every = share === 0 ? Number.POSITIVE_INFINITY : Math.round(1 / share);
  const load = new Load({
    ports: world.gateway.ports,
    clients: 100,
    messages: POISON_MESSAGES,
    shot: (n) =>
      n % every === 1 ? poison(world.topology, Math.floor(n / every)) : { ...world.innocent(n), user: POISONER },
  });
  const entries = await load.done();
  const seconds = (performance.now() - startedAt) / 1000;
  const verdict = judge(entries, await world.readOut());
  if (share > 0)
    note({ fault: 'poison', what: '3 % of the messages of one connection are refused by the broker', verdict });
  return seconds;
}

/** Innocent messages per second beside so many clients that send nothing but poison. */
async function floodRun(world: World, poisoners: number): Promise<number> {
  const flood = new Load({
    ports: world.gateway.ports,
    clients: poisoners,
    shot: (n) => poison(world.topology, n % 5),
  });
  const startedAt = performance.now();
  const innocents = new Load({
    ports: world.gateway.ports,
    clients: 16,
    messages: POISON_MESSAGES / 3,
    shot: (n) => ({ ...world.innocent(n), user: POISONER }),
  });
  const entries = await innocents.done();
  const rate = entries.length / ((performance.now() - startedAt) / 1000);
  await flood.stop();
  const verdict = judge([...entries, ...flood.entries], await world.readOut());
  if (poisoners > 0) note({ fault: 'flood', what: `${poisoners} clients send poison beside 16 innocents`, verdict });
  return rate;
}

if (isWanted('poison')) {
  const world = await World.create({ broker: { config: { max_message_size: String(MAX_MESSAGE_SIZE) } } });
  await preparePoison(world.topology);
  await poisonRun(world, 0);
  const times = { clean: await poisonRun(world, 0), poisoned: await poisonRun(world, 0.03) };
  const ratio = (times.poisoned / times.clean).toFixed(2);
  notes.push(`The poisoned run took ${ratio} times as long as the clean one (${times.clean.toFixed(1)} s) before it.`);
  const rates = { alone: await floodRun(world, 0), beside: await floodRun(world, 32) };
  const kept = ((100 * rates.beside) / rates.alone).toFixed(0);
  notes.push(
    `Beside 32 clients that flood the same connection with poison, 16 innocents kept ${kept} % of their rate.`,
  );
  for (const line of notes) console.log(line);
  await world.close();
}

if (wanted.length === 0) await writeFile(PAGE, report(rows, notes));
if (!rows.every(({ verdict }) => isClean(verdict))) process.exitCode = 1;

import type { BrokerOptions } from '../../wrangler-free-local/broker.ts';
import { faults } from './faults.ts';
import { type Entry, isClean, judge, type Verdict } from './ledger.ts';
import { Load } from './load.ts';
import { POISONER, poison } from './poison.ts';
import { createPoisonWorld, startPoisonLoad } from './poison-world.ts';
import { runFault } from './run-fault.ts';
import { World } from './world.ts';
import { worlds } from './worlds.ts';

const MESSAGES_AROUND = 3_000;
const POISON_MESSAGES = 15_000;

/** A line of docs/reliability.md. */
export interface Row {
  readonly fault: string;
  readonly what: string;
  readonly verdict: Verdict;
}

/** What one RabbitMQ made of it all. */
export interface Survey {
  /** RabbitMQ's. */
  readonly version: string;
  readonly rows: readonly Row[];
  /** Sentences with figures that fit no row. */
  readonly notes: readonly string[];
}

/** Runs the faults whose names are wanted, and `poison`, one after another, telling the console how it goes. */
export async function survey(broker: BrokerOptions, isWanted: (name: string) => boolean): Promise<Survey> {
  const rows: Row[] = [];
  const notes: string[] = [];
  let version = '';
  for (const [kind, options] of Object.entries(worlds)) {
    const chosen = faults.filter((fault) => fault.world === kind && isWanted(fault.name));
    if (chosen.length === 0) continue;
    const world = await World.create({ ...options, broker });
    version = await versionOf(world);
    for (const fault of chosen) {
      const { verdict, entries } = await runFault(fault, world, MESSAGES_AROUND);
      rows.push(told({ fault: fault.name, what: fault.what, verdict }, version, entries));
    }
    await world.close();
  }
  if (isWanted('poison')) {
    const world = await createPoisonWorld(broker);
    version = await versionOf(world);
    // The first one warms all up.
    const clean = await poisonRun(world, true).then(() => poisonRun(world, true));
    const poisoned = await poisonRun(world, false);
    const what = '3 % of the messages of one connection are refused by the broker';
    rows.push(told({ fault: 'poison', what, verdict: poisoned.verdict }, version, poisoned.entries));
    notes.push(
      `The poisoned run took ${(poisoned.seconds / clean.seconds).toFixed(2)} times as long as the clean one ` +
        `(${clean.seconds.toFixed(1)} s) before it.`,
    );
    const alone = await floodRun(world, 0);
    const flooded = await floodRun(world, 32);
    const how = '32 clients send poison beside 16 innocents';
    rows.push(told({ fault: 'flood', what: how, verdict: flooded.verdict }, version, flooded.entries));
    const kept = ((100 * flooded.rate) / alone.rate).toFixed(0);
    notes.push(
      `Beside 32 clients that flood the same connection with poison, 16 innocents kept ${kept} % of their rate.`,
    );
    await world.close();
  }
  for (const note of notes) console.log(note);
  return { version, rows, notes };
}

async function versionOf({ broker }: World): Promise<string> {
  return (await broker.rpcEval('rabbit_misc:version()')).replaceAll('"', '');
}

async function poisonRun(world: World, clean: boolean) {
  const startedAt = performance.now();
  const entries = await startPoisonLoad(world, { clients: 100, messages: POISON_MESSAGES, clean }).done();
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds, entries, verdict: judge(entries, await world.readOut()) };
}

/** Innocent messages per second beside so many clients that send nothing but poison. */
async function floodRun(world: World, poisoners: number) {
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
  const own = await innocents.done();
  const rate = own.length / ((performance.now() - startedAt) / 1000);
  await flood.stop();
  const entries = [...own, ...flood.entries];
  return { rate, entries, verdict: judge(entries, await world.readOut()) };
}

function told(row: Row, version: string, entries: readonly Entry[]): Row {
  const { verdict, fault } = row;
  const answers = new Map<string, number>();
  for (const { status, slug } of entries) {
    const answer = `${status} ${slug}`.trim();
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  const counts = [...answers].map(([answer, times]) => `${times} × ${answer}`).join(', ');
  console.log(`${isClean(verdict) ? 'clean' : 'NOT CLEAN'}  RabbitMQ ${version}, ${fault}: ${counts}`);
  const wrong = [...verdict.lost, ...verdict.falseNo, ...verdict.misattributed, ...verdict.unanswered];
  for (const line of wrong.slice(0, 10)) console.log(`    ${line}`);
  return row;
}

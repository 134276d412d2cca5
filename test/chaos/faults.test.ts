import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faults } from './faults.ts';
import type { Entry } from './ledger.ts';
import { runFault } from './run-fault.ts';
import { World } from './world.ts';
import { worldNames, worlds } from './worlds.ts';

/** What innocents were told, each answer once. */
const toldInnocents = (entries: readonly Entry[]): string[] => [
  ...new Set(
    entries
      .filter(({ expectation }) => expectation.name === 'innocent')
      .map(({ status, slug, published }) => `${status} ${slug} ${published}`.trim()),
  ),
];

describe.each(worldNames)('a gateway under load, %s', (kind) => {
  let world: World;
  beforeAll(async () => {
    world = await World.create(worlds[kind]);
  });
  afterAll(() => world.close());

  const quick = faults.filter(({ world: where, slow }) => where === kind && !slow);
  it.each(quick)('$name: nothing is lost, nobody is blamed', async (fault) => {
    const { verdict, entries } = await runFault(fault, world, 500);
    expect(verdict).toMatchObject({ lost: [], falseNo: [], misattributed: [], unanswered: [] });
    const told = toldInnocents(entries);
    if (fault.outage) expect(told).toContain('204');
    else expect(told).toEqual(['204']);
  });
});

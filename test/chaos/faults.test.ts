import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faults, gateways } from './faults.ts';
import type { Entry } from './ledger.ts';
import { runFault } from './run-fault.ts';
import { World } from './world.ts';

const kinds = Object.keys(gateways).filter((name): name is keyof typeof gateways => name in gateways);

/** What innocents were told, each answer once. */
const toldInnocents = (entries: readonly Entry[]): string[] => [
  ...new Set(
    entries
      .filter(({ expectation }) => expectation.name === 'innocent')
      .map(({ status, slug, published }) => `${status} ${slug} ${published}`.trim()),
  ),
];

describe.each(kinds)('a gateway under load, %s', (kind) => {
  let world: World;
  beforeAll(async () => {
    world = await World.create({ gateway: gateways[kind] });
  });
  afterAll(() => world.close());

  const quick = faults.filter(({ gateway, slow }) => gateway === kind && !slow);
  it.each(quick)('$name: nothing is lost, nobody is blamed', async (fault) => {
    const { verdict, entries } = await runFault(fault, world, 500);
    expect(verdict).toMatchObject({ lost: [], falseNo: [], misattributed: [], unanswered: [] });
    const told = toldInnocents(entries);
    if (fault.outage) expect(told).toContain('204');
    else expect(told).toEqual(['204']);
  });
});

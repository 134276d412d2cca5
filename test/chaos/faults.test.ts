import { describe, expect, it } from 'vitest';
import { faults } from './faults.ts';
import type { Entry } from './ledger.ts';
import { runFault } from './run-fault.ts';

/** What innocents were told, each answer once. */
const toldInnocents = (entries: readonly Entry[]): string[] => [
  ...new Set(
    entries
      .filter(({ expectation }) => expectation.name === 'innocent')
      .map(({ status, slug, published }) => `${status} ${slug} ${published}`.trim()),
  ),
];

describe('under load', () => {
  it.each(faults)('$name: nothing is lost, nobody is blamed', async (fault) => {
    const { verdict, entries } = await runFault(fault, 1_000);
    expect(verdict).toMatchObject({ lost: [], falseNo: [], misattributed: [], unanswered: [] });
    const told = toldInnocents(entries);
    if (fault.outage) expect(told).toContain('204');
    else expect(told).toEqual(['204']);
  });
});

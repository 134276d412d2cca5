import { describe, expect, it } from 'vitest';
import { faults } from './faults.ts';
import { runFault } from './run-fault.ts';

describe('under load', () => {
  it.each(faults)('$name: nothing is lost, nobody is blamed', async (fault) => {
    const { verdict, entries } = await runFault(fault, 1_000);
    expect(verdict).toMatchObject({ lost: [], falseNo: [], misattributed: [], unanswered: [] });
    const innocents = entries.filter(({ expectation }) => expectation.name === 'innocent');
    if (fault.outage) expect(innocents.filter(({ status }) => status === 204).length).toBeGreaterThan(0);
    else expect(innocents.filter(({ status }) => status !== 204)).toEqual([]);
  });
});

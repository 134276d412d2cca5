import { expect, it } from 'vitest';
import { soak } from './soak-run.ts';

it('a short soak over many users and exchanges, with faults, loses nothing and leaks no descriptor', async () => {
  const { verdict, growth } = await soak({ minutes: 0.6, users: 40, exchanges: 10, log: () => {} });
  expect(verdict).toMatchObject({ lost: [], falseNo: [], misattributed: [], unanswered: [] });
  expect(growth.descriptors).toBeLessThan(1.5);
}, 400_000);

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { otherRabbitmq } from '../support/other-rabbitmq.ts';
import { isClean, judge } from './ledger.ts';
import { createPoisonWorld, startPoisonLoad } from './poison-world.ts';
import type { World } from './world.ts';

describe.each<[string, Record<string, string>, (() => Promise<string>)?]>([
  ['the default frame_max', {}],
  ['a frame_max of 4096', { frame_max: '4096' }],
  ['another version of RabbitMQ', {}, otherRabbitmq],
])('poison among innocents on one connection, with %s', (_, config, fetchRabbitmq) => {
  let world: World;
  beforeAll(async () => {
    const installation = await fetchRabbitmq?.();
    world = await createPoisonWorld({ config, ...(installation !== undefined && { installation }) });
  });
  afterAll(() => world.close());

  it('gets its own error, every time, and no innocent gets any', async () => {
    const entries = await startPoisonLoad(world, { clients: 100, messages: 5_000 }).done();
    const verdict = judge(entries, await world.readOut());
    expect(verdict).toMatchObject({ lost: [], falseNo: [], misattributed: [], unanswered: [] });
    expect(isClean(verdict)).toBe(true);
    const innocents = entries.filter(({ expectation }) => expectation.name === 'innocent');
    expect(innocents.filter(({ status }) => status !== 204)).toEqual([]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { otherRabbitmq } from '../support/other-rabbitmq.ts';
import { isClean, judge } from './ledger.ts';
import { Load } from './load.ts';
import { MAX_MESSAGE_SIZE, POISONER, poison, preparePoison } from './poison.ts';
import { World } from './world.ts';

describe.each<[string, Record<string, string>, (() => Promise<string>)?]>([
  ['the default frame_max', {}],
  ['a frame_max of 4096', { frame_max: '4096' }],
  ['another version of RabbitMQ', {}, otherRabbitmq],
])('poison among innocents on one connection, with %s', (_, config, fetchRabbitmq) => {
  let world: World;
  beforeAll(async () => {
    const installation = await fetchRabbitmq?.();
    world = await World.create({
      broker: {
        config: { max_message_size: String(MAX_MESSAGE_SIZE), ...config },
        ...(installation !== undefined && { installation }),
      },
    });
    await preparePoison(world.topology);
  });
  afterAll(() => world.close());

  it('gets its own error, every time, and no innocent gets any', async () => {
    const load = new Load({
      ports: world.gateway.ports,
      clients: 100,
      messages: 5_000,
      shot: (n) => (n % 33 === 0 ? poison(world.topology, n / 33) : { ...world.innocent(n), user: POISONER }),
    });
    const entries = await load.done();
    const verdict = judge(entries, await world.readOut());
    expect(verdict).toMatchObject({ lost: [], falseNo: [], misattributed: [], unanswered: [] });
    expect(isClean(verdict)).toBe(true);
    const innocents = entries.filter(({ expectation }) => expectation.name === 'innocent');
    expect(innocents.filter(({ status }) => status !== 204)).toEqual([]);
  });
});

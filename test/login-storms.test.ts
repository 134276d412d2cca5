import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { loginsOf, Statuses } from './support/guessers.ts';
import { FORM, http, keepAliveAgent } from './support/http.ts';
import { portsOf, Topology, type User } from './support/topology.ts';

describe('a user whose password is right makes the broker judge few logins', () => {
  let broker: Broker;
  let topology: Topology;
  let user: User;
  const agent = keepAliveAgent(32);

  beforeAll(async () => {
    broker = await startBroker({ name: 'storms', management: true });
    topology = await Topology.create(portsOf(broker));
    await topology.exchangeWithQueue();
    user = await topology.addUser({ username: `u-${randomUUID()}`, password: 'right' });
  });
  afterAll(async () => {
    agent.destroy();
    await broker.close();
  });

  const gatewayWith = (): Promise<GatewayProcess> => gatewayForTest({ broker: portsOf(broker) });
  const post = (gateway: GatewayProcess, vhost = topology.segment, as = user) =>
    http(gateway.port, `/${vhost}/x/k`, { user: as, body: 'body=x', headers: FORM }, agent);
  const storm = async (posts: number, one: (n: number) => ReturnType<typeof post>): Promise<Statuses> => {
    const statuses = new Statuses();
    let next = 0;
    const client = async (): Promise<void> => {
      while (next < posts) {
        next += 1;
        statuses.add((await one(next)).status);
      }
    };
    await Promise.all(Array.from({ length: 32 }, client));
    return statuses;
  };

  it('with a thousand names of vhosts that are missing, and nobody else is held up', async () => {
    const gateway = await gatewayWith();
    const before = await loginsOf(broker);
    const statuses = await storm(1_000, (n) => post(gateway, `missing-${n}`));
    expect(statuses.seen).toEqual([404, 429]);
    expect((await loginsOf(broker)).all - before.all).toBeLessThan(200);
    expect((await post(gateway, topology.segment, topology.user)).status).toBe(204);
    await expect.poll(async () => (await post(gateway)).status, { timeout: 20_000 }).toBe(204);
  });

  it('at the limit of its connections, and is served when there is one', async () => {
    const gateway = await gatewayWith();
    await topology.api('PUT', `/user-limits/${user.username}/max-connections`, { value: 0 });
    const before = await loginsOf(broker);
    const statuses = await storm(1_000, () => post(gateway));
    expect(statuses.seen).toEqual([503]);
    expect((await loginsOf(broker)).all - before.all).toBeLessThan(50);
    const answer = await post(gateway);
    expect(answer.problem.type).toBe('urn:statelessd:broker-limit');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    await topology.api('DELETE', `/user-limits/${user.username}/max-connections`);
    await expect.poll(async () => (await post(gateway)).status, { timeout: 20_000 }).toBe(204);
  });
});

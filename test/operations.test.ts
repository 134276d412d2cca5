import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { type Answer, FORM, http, keepAliveAgent } from './support/http.ts';
import { Topology } from './support/topology.ts';

describe('an operator', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());

  const gatewayWith = (settings: Settings): Promise<GatewayProcess> => gatewayForTest(settings);
  const get = (gateway: GatewayProcess, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
    http(gateway.port, path, { method: 'GET', headers });
  const post = (gateway: GatewayProcess): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x/k`, { user: topology.user, body: 'body=x', headers: FORM });

  it('is whom operations.allow names; others may publish and ask whether it lives', async () => {
    const gateway = await gatewayWith({ http: { operations: { allow: ['203.0.113.0/24'] } } });
    const statuses = await Promise.all(['/', '/stats', '/healthz', '/readyz'].map((path) => get(gateway, path)));
    expect(statuses.map(({ status }) => status)).toEqual([403, 403, 200, 200]);
    expect((await post(gateway)).status).toBe(204);
  });

  it('is recognised behind a proxy by the address that it forwards, where xheaders is on', async () => {
    const gateway = await gatewayWith({ http: { xheaders: true, operations: { allow: ['203.0.113.0/24'] } } });
    const from = async (address: string): Promise<number> =>
      (await get(gateway, '/stats', { 'x-forwarded-for': address })).status;
    expect(await from('203.0.113.9')).toBe(200);
    expect(await from('198.51.100.9')).toBe(403);
    // The rightmost hop that is no proxy counts: what stands before it, anybody may have written.
    expect(await from('203.0.113.9, 198.51.100.9')).toBe(403);
  });

  it('is nobody in particular where forwarding headers are not believed', async () => {
    const gateway = await gatewayWith({});
    expect((await get(gateway, '/stats')).status).toBe(200);
    expect((await get(gateway, '/stats', { 'x-forwarded-for': '127.0.0.1' })).status).toBe(403);
  });

  it('may have each connection closed after one answer', async () => {
    const gateway = await gatewayWith({ http: { no_keep_alive: true } });
    const agent = keepAliveAgent(1);
    const { headers } = await http(gateway.port, '/healthz', { method: 'GET' }, agent);
    agent.destroy();
    expect(headers.connection).toBe('close');
  });
});

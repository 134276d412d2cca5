import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { Guessers, type Headers, Statuses, via } from './support/guessers.ts';
import { http } from './support/http.ts';
import { Topology } from './support/topology.ts';

describe('the address of a client behind a proxy that is believed', () => {
  let topology: Topology;
  let guessers: Guessers;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    guessers = new Guessers(topology);
  });
  afterAll(async () => {
    guessers.close();
    await topology.delete();
  });

  const gatewayWith = (http: Record<string, unknown>): Promise<GatewayProcess> => gatewayForTest({ http });
  const read = async (gateway: GatewayProcess, headers: Headers): Promise<number> =>
    (await http(gateway.port, '/stats', { method: 'GET', headers })).status;

  it('is what the proxy wrote itself, where all in its list are proxies that are believed', async () => {
    const gateway = await gatewayWith({ xheaders: true, operations: { allow: ['10.0.5.0/24'] } });
    const readers: readonly (readonly [Headers, number])[] = [
      [via('10.0.5.1'), 200],
      [via('10.0.9.1'), 403],
      // The client claims to be 10.0.5.1, and the proxy has seen 10.0.9.1.
      [via('10.0.5.1', '10.0.9.1'), 403],
      [via('10.0.5.1', '10.0.5.2', '10.0.9.1'), 403],
      [via('10.0.9.1', '10.0.5.1'), 200],
      [{ 'x-real-ip': '10.0.5.1' }, 200],
      [{ 'x-real-ip': '10.0.5.1', ...via('10.0.9.1') }, 403],
      [{ 'x-real-ip': '10.0.9.1', ...via('10.0.5.1') }, 403],
      [{ 'x-real-ip': '10.0.5.1', ...via('10.0.5.1', '10.0.9.1') }, 403],
      [via('10.0.5.1', 'unknown'), 403],
      [via('unknown', '10.0.5.1'), 403],
      [via('203.0.113.9', '10.0.5.1'), 403],
      [via('10.0.5.1', '203.0.113.9'), 403],
    ];
    for (const [headers, status] of readers) expect([headers, await read(gateway, headers)]).toEqual([headers, status]);
  });

  it.each([
    ['private ones', (n: number) => via(`10.0.5.${n}`, '10.0.9.1')],
    ['more of them each time', (n: number) => via(...Array<string>(n).fill('10.0.5.1'), '10.0.9.1')],
    ['public ones', (n: number) => via(`203.0.113.${n}`, '10.0.9.1')],
  ])('buys no more guesses where the client invents some: %s', async (_, from) => {
    const gateway = await gatewayWith({ xheaders: true });
    const { all } = await guessers.guess(gateway, await guessers.newUser(), 60, from);
    expect(all.seen).toEqual([401, 429]);
    expect(all.of(401)).toBeLessThanOrEqual(20);
  });

  it('is not believed without end where the client invents one for each name', async () => {
    const gateway = await gatewayWith({ xheaders: true });
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        guessers.post(
          gateway,
          { username: `nobody-${n}`, password: 'p' },
          via(`203.0.${n % 100}.${n % 7}`, '10.0.9.1'),
        ),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    const user = await guessers.newUser();
    expect((await guessers.post(gateway, user, via('198.51.100.1', '10.0.9.1'))).status).toBe(204);
  });

  it('is believed for few guesses of a client that has an address of the trusted networks and invents others', async () => {
    const gateway = await gatewayWith({ xheaders: true });
    const statuses = new Statuses();
    for (let n = 0; n < 60; n += 1) {
      const user = { username: `invented-${n}`, password: 'p' };
      statuses.add((await guessers.post(gateway, user, via(`203.0.113.${n}`, '10.0.5.7'))).status);
    }
    expect(statuses.seen).toEqual([401, 429]);
    expect(statuses.of(401)).toBeLessThanOrEqual(40);
  });

  it('need not be known where any may read the statistics', async () => {
    const gateway = await gatewayWith({ operations: { allow: ['any'] } });
    expect(await read(gateway, via('203.0.113.9'))).toBe(200);
    expect(await read(await gatewayWith({}), via('203.0.113.9'))).toBe(403);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { Topology } from './support/topology.ts';

const GUEST = { username: 'guest', password: 'guest' };

/** An address that nobody has (RFC 5737). */
const PUBLIC = '203.0.113.9';

const FORWARDING: readonly (readonly [string, Record<string, string>])[] = [
  ['X-Forwarded-For', { 'x-forwarded-for': '127.0.0.1' }],
  ['X-Real-Ip', { 'x-real-ip': '127.0.0.1' }],
  ['Forwarded', { forwarded: 'for=127.0.0.1' }],
  ['X-Scheme', { 'x-scheme': 'https' }],
  ['X-Forwarded-Proto', { 'x-forwarded-proto': 'https' }],
];

describe('guest, who may come from loopback only,', () => {
  let topology: Topology;
  let direct: GatewayProcess;
  let proxied: GatewayProcess;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    await topology.permit(GUEST);
    direct = await GatewayProcess.start();
    proxied = await GatewayProcess.start({ http: { xheaders: true } });
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await direct?.stop();
    await proxied?.stop();
    await topology?.delete();
  });

  const post = (gateway: GatewayProcess, headers: Record<string, string> = {}, user = GUEST): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x/k`, { user, body: 'body=x', headers: { ...FORM, ...headers } });

  const isRefused = async ({ status, problem, headers }: Answer): Promise<void> => {
    expect([status, problem.type, problem.published]).toEqual([401, 'urn:statelessd:unauthenticated', 'no']);
    expect(headers['www-authenticate']).toBe('Basic realm="statelessd", charset="UTF-8"');
    expect(await topology.drain()).toEqual([]);
  };

  it('publishes from loopback', async () => {
    expect((await post(direct)).status).toBe(204);
    expect((await post(proxied)).status).toBe(204);
    expect(await topology.drain()).toHaveLength(2);
  });

  it.each(FORWARDING)('is refused with %s that is not believed', async (_, headers) => {
    await isRefused(await post(direct, headers));
  });

  it.each([
    ['a public address', { 'x-forwarded-for': PUBLIC }],
    ['a private address', { 'x-forwarded-for': '10.1.2.3' }],
    ['a private address behind another proxy', { 'x-forwarded-for': '10.1.2.3, 127.0.0.1' }],
    ['a public IPv6 address', { 'x-forwarded-for': '2001:db8::1' }],
    ['a public address that calls itself loopback', { 'x-forwarded-for': `127.0.0.1, ${PUBLIC}` }],
    ['a public address behind two proxies', { 'x-forwarded-for': `${PUBLIC}, 10.1.2.3, 127.0.0.1` }],
    ['a public address in X-Real-Ip', { 'x-real-ip': PUBLIC }],
    ['no address', { 'x-scheme': 'https' }],
    ['something that is no address', { 'x-forwarded-for': 'unknown' }],
  ])('is refused where a trusted proxy has seen %s', async (_, headers) => {
    await isRefused(await post(proxied, headers));
  });

  it.each([
    ['X-Forwarded-For', { 'x-forwarded-for': '127.0.0.1' }],
    ['X-Forwarded-For over IPv6', { 'x-forwarded-for': '::1' }],
    ['X-Real-Ip', { 'x-real-ip': '127.0.0.1' }],
  ])('publishes where a trusted proxy has seen loopback: %s', async (_, headers) => {
    expect((await post(proxied, headers)).status).toBe(204);
    expect(await topology.drain()).toHaveLength(1);
  });

  it('is alone in that: others publish from anywhere', async () => {
    expect((await post(direct, { 'x-forwarded-for': PUBLIC }, topology.user)).status).toBe(204);
    expect((await post(proxied, { 'x-forwarded-for': PUBLIC }, topology.user)).status).toBe(204);
    expect(await topology.drain()).toHaveLength(2);
  });

  it('is refused from a proxy that is not trusted, whatever it says', async () => {
    const gateway = await GatewayProcess.start({ http: { xheaders: true, trusted_proxies: ['192.0.2.1'] } });
    try {
      await isRefused(await post(gateway, { 'x-forwarded-for': '127.0.0.1' }));
      expect((await post(gateway)).status).toBe(204);
    } finally {
      await gateway.stop();
    }
  });

  it('is whoever loopback_users names', async () => {
    const loopback_users = [topology.user.username];
    const gateway = await GatewayProcess.start({ rabbitmq: { loopback_users }, http: { xheaders: true } });
    try {
      await isRefused(await post(gateway, { 'x-forwarded-for': PUBLIC }, topology.user));
      expect((await post(gateway, {}, topology.user)).status).toBe(204);
    } finally {
      await gateway.stop();
    }
  });
});

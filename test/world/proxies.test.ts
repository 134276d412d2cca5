/**
 * Proxies that strangers put in front, with as little configuration as they need: nginx, HAProxy and Apache. (nginx with
 * our own config/nginx.conf has a file of its own, nginx.test.ts.) A path, a body and credentials come through as they are.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { GatewayProcess } from '../support/gateway.ts';
import { FORM, http, keepAliveAgent } from '../support/http.ts';
import { sharedBroker, Topology } from '../support/topology.ts';
import { type RunningProxy, startProxy } from './support/proxies.ts';

// nginx passes on bodies up to a mebibyte, unless it is told more.
const LARGE = randomBytes(1024 * 1024);

describe('published through a proxy', () => {
  let topology: Topology;
  let slash: Topology;
  let gateway: GatewayProcess;
  /** The name of an exchange and its queue in the vhost `/`, which others use too. */
  const name = `world-${randomUUID()}`;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    slash = await Topology.create(sharedBroker(), '/');
    await slash.exchangeWithQueue(name, name);
    gateway = await GatewayProcess.start();
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway?.stop();
    await slash?.api('DELETE', `/exchanges/${slash.segment}/${name}`);
    await slash?.api('DELETE', `/queues/${slash.segment}/${name}`);
    await topology?.delete();
  });

  describe.each(['nginx', 'HAProxy', 'Apache'] as const)('%s', (kind) => {
    let proxy: RunningProxy;

    beforeAll(async () => {
      proxy = await startProxy(kind, gateway.port);
    });
    afterAll(async () => {
      await proxy?.stop();
    });

    const post = (key: string, body: string | Uint8Array, user = topology.user) =>
      http(proxy.port, `/${topology.segment}/x/${key}`, { user, body, headers: FORM });

    it('the vhost / is written %2f', async () => {
      const answer = await http(proxy.port, `/%2f/${name}/k`, { user: slash.user, body: 'hi' });
      expect([answer.status, answer.text]).toEqual([204, '']);
      expect((await slash.only(name)).content.toString()).toBe('hi');
    });

    it.each([
      ['a%2fb', 'a/b'],
      ['%2f%2f', '//'],
      ['a%252fb', 'a%2fb'],
      ['a.b..c.', 'a.b..c.'],
      ['..', '..'],
      ['%2e%2e', '..'],
      ['a%2f..%2f..', 'a/../..'],
      ['', ''],
      ['a+b%20c;d=1&e', 'a+b c;d=1&e'],
      ['%23%3f%25', '#?%'],
      ['%e2%82%ac', '€'],
    ])('the routing key %j arrives as %j', async (segment, routingKey) => {
      expect((await post(segment, 'body=x')).status).toBe(204);
      expect((await topology.only()).fields.routingKey).toBe(routingKey);
    });

    it.each([true, false])('1 MiB arrives byte for byte (in chunks: %s)', async (chunked) => {
      const call = { user: topology.user, body: LARGE, chunked };
      expect((await http(proxy.port, `/${topology.segment}/x/k`, call)).status).toBe(204);
      expect((await topology.only()).content.equals(LARGE)).toBe(true);
    });

    it.each([
      ['none', undefined],
      ['wrong ones', { username: 'nobody', password: 'wrong' }],
    ])('a large post with bad credentials learns so: %s', async (_, user) => {
      const call = { ...(user && { user }), body: LARGE };
      const answer = await http(proxy.port, `/${topology.segment}/x/k`, call);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Basic realm="statelessd", charset="UTF-8"');
      expect(answer.headers['statelessd-error']).toBe('unauthenticated; published=no');
    });

    it('a problem comes through with its body', async () => {
      const { problem } = await http(proxy.port, `/${topology.segment}/nonesuch/k`, { user: topology.user, body: 'x' });
      expect(problem).toMatchObject({ status: 404, type: 'urn:statelessd:exchange-not-found', published: 'no' });
    });

    it('credentials come through, whatever characters they have', async () => {
      const user = await topology.addUser({ username: `Zoë ${randomUUID()}`, password: ':p%ä=ß"\\: ' });
      expect((await post('k', 'body=x', user)).status).toBe(204);
      expect(await topology.drain()).toHaveLength(1);
    });

    it('a connection is used for many posts', async () => {
      const agent = keepAliveAgent(1);
      onTestFinished(() => agent.destroy());
      const answers = [];
      for (let id = 0; id < 50; id += 1) {
        const call = { user: topology.user, body: String(id), headers: { 'content-type': 'text/plain' } };
        answers.push((await http(proxy.port, `/${topology.segment}/x/k`, call, agent)).status);
      }
      expect(new Set(answers)).toEqual(new Set([204]));
      const ids = (await topology.drain()).map(({ content }) => Number(content.toString()));
      expect(ids).toEqual(Array.from({ length: 50 }, (_, id) => id));
    });
  });

  it('nginx with a path in proxy_pass decodes %2f: the answer says where to look', async () => {
    const proxy = await startProxy('nginx with a path in proxy_pass', gateway.port);
    onTestFinished(() => proxy.stop());
    const { status, text } = await http(proxy.port, `/%2f/${name}/k`, { user: slash.user, body: 'hi' });
    expect(status).toBe(400);
    expect(text).toMatch(/proxy_pass/);
    expect(await slash.drain(name)).toEqual([]);
    // What has nothing to decode is published.
    const plain = await http(proxy.port, `/${topology.segment}/x/a.b`, { user: topology.user, body: 'hi' });
    expect(plain.status).toBe(204);
    expect((await topology.only()).fields.routingKey).toBe('a.b');
  });

  it('HAProxy with send-proxy speaks another protocol: the answer says so', async () => {
    const proxy = await startProxy('HAProxy with send-proxy', gateway.port);
    onTestFinished(() => proxy.stop());
    const { status, text } = await http(proxy.port, `/${topology.segment}/x/k`, { user: topology.user, body: 'hi' });
    expect(status).toBe(400);
    expect(text).toMatch(/send-proxy/);
    expect(await topology.drain()).toEqual([]);
  });
});

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { type ClaimedPort, claimFreePort } from '../wrangler-free-local/ports.ts';
import { readDocument } from './docs/document.ts';
import { gatewayForTest } from './support/for-test.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, basic, FORM, http, keepAliveAgent } from './support/http.ts';
import { Nginx } from './support/nginx.ts';
import { backendOn, backendsOf } from './support/processes.ts';
import { Topology } from './support/topology.ts';

const GUEST = { username: 'guest', password: 'guest' };
const PUBLIC = { 'x-forwarded-for': '203.0.113.9' };
const SETTINGS = { ports: 5, http: { xheaders: true, address: '127.0.0.1' } };

/** As the configuration advises: from 127.0.0.2 comes what another proxy has passed on. */
const OUTER_PROXY = '127.0.0.2';
const BEHIND_OUTER_PROXY = `set_real_ip_from ${OUTER_PROXY}; real_ip_header X-Forwarded-For;`;

/** The statistics of each backend, asked past nginx. */
const statsOf = (gateway: GatewayProcess) =>
  Promise.all(gateway.ports.map(async (port) => JSON.parse((await http(port, '/stats', { method: 'GET' })).text)));

describe('behind nginx with config/nginx.conf', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let nginx: Nginx;
  let path: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    await topology.permit(GUEST);
    path = `/${topology.segment}/x/k`;
    gateway = await GatewayProcess.start(SETTINGS);
    nginx = await Nginx.start(gateway.ports, BEHIND_OUTER_PROXY);
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await nginx?.stop();
    await gateway?.stop();
    await topology?.delete();
  });

  const post = (target: string, body: string | Uint8Array, agent: Agent | false = false): Promise<Answer> =>
    http(nginx.port, target, { user: topology.user, body, headers: FORM }, agent);

  /** How many posts each backend has answered. */
  const posts = async (): Promise<number[]> =>
    (await statsOf(gateway)).map(({ requests }) => requests['method.POST'] ?? 0);

  /** Publishes so many numbered messages and tells whether all were confirmed, and which backends had a part in it. */
  const publishMany = async (count: number, agent: Agent | false = false) => {
    const before = await posts();
    const answers = await Promise.all(Array.from({ length: count }, (_, id) => post(path, `body=${id}`, agent)));
    const after = await posts();
    return {
      failed: answers.filter(({ status }) => status !== 204),
      busy: after.map((posted, index) => posted > (before[index] ?? 0)),
    };
  };
  const ALL_BUSY = [true, true, true, true, true];

  it('nginx -t finds nothing to warn of', () => {
    expect(nginx.verdict).toContain('test is successful');
    expect(nginx.verdict).not.toContain('[warn]');
  });

  it.each([
    ['clients that keep their connections', () => keepAliveAgent(20)],
    ['clients with a connection for each request', () => false as const],
  ])('all backends share the load of %s, and every 204 is in the queue', async (_, makeAgent) => {
    const agent = makeAgent();
    if (agent) onTestFinished(() => agent.destroy());
    expect(await publishMany(200, agent)).toEqual({ failed: [], busy: ALL_BUSY });
    const ids = (await topology.drain()).map(({ content }) => Number(content.toString()));
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, id) => id));
  });

  it('a 503 from the gateway reaches the client and puts no backend aside', async () => {
    await topology.exchange('full', 'fanout');
    await topology.queue('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await topology.bind('full', 'full', '');
    expect((await post(`/${topology.segment}/full/`, 'body=first')).status).toBe(204);
    const before = await posts();
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(`/${topology.segment}/full/`, 'body=x')));
    expect(new Set(answers.map(({ headers }) => headers['statelessd-error']))).toEqual(
      new Set(['message-rejected; published=unknown']),
    );
    expect((await posts()).map((posted, index) => posted > (before[index] ?? 0))).toEqual(ALL_BUSY);
    expect(await publishMany(50)).toEqual({ failed: [], busy: ALL_BUSY });
  });

  describe('a path keeps its meaning', () => {
    it.each([
      ['a%2fb', 'a/b'],
      ['a%252fb', 'a%2fb'],
      ['%2f%2f', '//'],
      ['..', '..'],
      ['.', '.'],
      ['%2e%2e', '..'],
      ['a%2f..%2f..', 'a/../..'],
      ['', ''],
      ['a+b%20c;d=1&e', 'a+b c;d=1&e'],
      ['%23%3f%25', '#?%'],
      ['%e2%82%ac', '€'],
    ])('the routing key %j arrives as %j', async (segment, routingKey) => {
      expect((await post(`/${topology.segment}/x/${segment}`, 'body=x')).status).toBe(204);
      expect((await topology.only()).fields.routingKey).toBe(routingKey);
    });

    it('the vhosts …%2f and …%252f are two', async () => {
      const slash = await topology.sibling(`${topology.vhost}/`);
      const escaped = await topology.sibling(`${topology.vhost}%2f`);
      for (const vhost of [slash, escaped]) await vhost.exchangeWithQueue();
      expect((await post(`/${topology.segment}%2f/x/k`, 'body=slash')).status).toBe(204);
      expect((await post(`/${topology.segment}%252f/x/k`, 'body=escaped')).status).toBe(204);
      expect((await slash.only()).content.toString()).toBe('slash');
      expect((await escaped.only()).content.toString()).toBe('escaped');
      await slash.delete();
      await escaped.delete();
    });

    it.each([
      ['an empty vhost', () => `/${path}`],
      ['an empty exchange', () => `/${topology.segment}//k`],
      ['a broken escape', () => `${path}%zz`],
      ['a control character', () => `${path}%0a`],
      ['a vhost of dots that climbs out', () => '/../x/k'],
      ['dots that climb out through the exchange', () => `/${topology.segment}/../../x/k`],
    ])('%s is refused, and never another address', async (_, target) => {
      expect((await post(target(), 'body=x')).status).toBeOneOf([400, 404]);
      expect(await topology.drain()).toEqual([]);
    });

    it('the query arrives as it is', async () => {
      expect((await post(`${path}?type=a%2fb&app_id=a+b`, 'body=x')).status).toBe(204);
      const { properties } = await topology.only();
      expect([properties.type, properties.appId]).toEqual(['a/b', 'a b']);
    });
  });

  describe('a body', () => {
    const raw = (body: Uint8Array, chunked = false) =>
      http(nginx.port, path, {
        user: topology.user,
        body,
        chunked,
        headers: { 'content-type': 'application/octet-stream' },
      });

    it.each([
      ['with its length', false],
      ['chunked', true],
    ])('of 10 MiB, as large as it may be, arrives unchanged: %s', async (_, chunked) => {
      const body = randomBytes(10 * 1024 * 1024);
      expect((await raw(body, chunked)).status).toBe(204);
      expect((await topology.only()).content.equals(body)).toBe(true);
    });

    it('that is too large is refused in the words of the gateway', async () => {
      const answer = await raw(new Uint8Array(10 * 1024 * 1024 + 1));
      expect([answer.status, answer.headers['statelessd-error']]).toEqual([413, 'body-too-large; published=no']);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.problem).toMatchObject({ type: 'urn:statelessd:body-too-large', status: 413, published: 'no' });
      expect(answer.problem.request_id).toBe(answer.headers['x-request-id']);
    });
  });

  describe('the client’s address', () => {
    const asGuest = (headers: Record<string, string>, localAddress?: string) =>
      http(
        nginx.port,
        path,
        { user: GUEST, body: 'body=x', headers: { ...FORM, ...headers } },
        new Agent(localAddress === undefined ? {} : { localAddress }),
      ).then(({ status }) => status);

    it('is known to the gateway: guest may publish from loopback', async () => {
      expect(await asGuest({})).toBe(204);
    });

    it('is what another proxy before nginx says: guest from a public address is refused', async () => {
      expect(await asGuest(PUBLIC, OUTER_PROXY)).toBe(401);
      expect(await topology.drain()).toEqual([]);
    });

    it('is not what the client itself says', async () => {
      expect(await asGuest({ ...PUBLIC, 'x-real-ip': '203.0.113.9', forwarded: 'for=203.0.113.9' })).toBe(204);
      // Through the other proxy, a client that calls itself loopback.
      expect(await asGuest({ 'x-forwarded-for': '127.0.0.1, 203.0.113.9' }, OUTER_PROXY)).toBe(401);
    });
  });

  it('a page of the same host and port may publish, and one of another port may not', async () => {
    const from = (origin: string) =>
      http(nginx.port, path, { user: topology.user, body: 'body=x', headers: { ...FORM, origin } });
    expect((await from(`http://127.0.0.1:${nginx.port}`)).status).toBe(204);
    expect((await from(`http://127.0.0.1:${gateway.port}`)).status).toBe(403);
  });
});

describe('behind an nginx that is configured otherwise,', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let nginx: Nginx;
  const claims: ClaimedPort[] = [];

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start(SETTINGS);
    const [map, below] = readDocument('docs/operating.md').blocks.filter(({ language }) => language === 'nginx');
    const decoding = `location / { proxy_pass http://127.0.0.1:${gateway.port}/; }`;
    const servers = [decoding, `merge_slashes off; ${decoding}`, `merge_slashes off; ${below?.code}`];
    claims.push(...(await Promise.all(servers.map(claimFreePort))));
    const outer = servers.map((server, index) => `server { listen 127.0.0.1:${claims[index]?.port}; ${server} }`);
    nginx = await Nginx.start(gateway.ports, [map?.code, ...outer].join('\n'));
  });
  afterAll(async () => {
    await nginx?.stop();
    for (const claim of claims) claim.release();
    await gateway?.stop();
    await topology?.delete();
  });

  // The gateway sees another path than is asked for here, so its answers are not held against their description.
  const post = async (server: number, path: string, type: string) => {
    const answer = await fetch(`http://127.0.0.1:${claims[server]?.port}${path}`, {
      method: 'POST',
      body: 'body=x',
      headers: { 'content-type': type, authorization: basic(topology.user) },
    });
    return { status: answer.status, text: await answer.text() };
  };
  const TOLD = /"detail":"[^"]*%2f[^"]*proxy[^"]*nginx[^"]*proxy_pass/;
  const TYPES = [FORM['content-type'], 'application/json', 'text/plain'];

  it.each([
    ['merges', 0],
    ['keeps', 1],
  ])('that decodes slashes and %s them, the answer says so', async (_, server) => {
    for (const type of TYPES) {
      for (const path of ['/%2f/x/k', '/%2F/x/', '/v/x/a%2fb'])
        expect([path, await post(server, path, type)]).toEqual([
          path,
          { status: expect.toBeOneOf([400, 404]), text: expect.stringMatching(TOLD) },
        ]);
    }
  });

  it('below a prefix as docs/operating.md has it, a path keeps its meaning', async () => {
    const slash = await topology.sibling(`${topology.vhost}/`);
    await slash.exchangeWithQueue();
    const path = `/mq/${topology.segment}%2f/x/a%2fb..%252f?type=t%2ft`;
    expect(await post(2, path, 'text/plain')).toEqual({ status: 204, text: '' });
    const { fields, properties } = await slash.only();
    expect([fields.routingKey, properties.type]).toEqual(['a/b..%2f', 't/t']);
    await slash.delete();
  });
});

describe('behind nginx with config/nginx.conf, when something breaks,', () => {
  let broker: Broker;
  let topology: Topology;
  let gateway: GatewayProcess;
  let nginx: Nginx;

  beforeAll(async () => {
    broker = await startBroker({ name: 'nginx', management: true });
    topology = await Topology.create({ port: broker.port, managementPort: broker.managementPort ?? 0 });
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start({ ...SETTINGS, broker: topology.broker });
    nginx = await Nginx.start(gateway.ports);
  });
  afterAll(async () => {
    await nginx?.stop();
    await gateway?.stop();
    await broker?.close();
  });

  const post = (port: number): Promise<Answer> =>
    http(port, `/${topology.segment}/x/k`, { user: topology.user, body: 'body=x', headers: FORM });

  /** How many messages each backend has written and not seen confirmed. */
  const inFlight = async (of: GatewayProcess): Promise<number[]> =>
    (await statsOf(of)).map(
      ({ connections }) => connections[`${topology.vhost}:${topology.user.username}`]?.in_flight ?? 0,
    );

  it('messages that may have been published are not sent again, and the backends that had them are not put aside', async () => {
    // The first one proves the exchange, the second has its channel opened: the third can be written at once.
    for (const port of [...gateway.ports, ...gateway.ports]) expect((await post(port)).status).toBe(204);
    broker.suspend();
    onTestFinished(() => broker.resume());
    const answering = gateway.ports.map(() => post(nginx.port));
    await expect.poll(() => inFlight(gateway), { timeout: 4_000 }).toEqual([1, 1, 1, 1, 1]);
    for (const { pid } of backendsOf(gateway.pid)) process.kill(pid, 'SIGKILL');
    for (const { status, headers, problem } of await Promise.all(answering)) {
      expect([status, headers['statelessd-error']]).toEqual([502, 'bad-gateway; published=unknown']);
      expect(problem.published).toBe('unknown');
    }
    broker.resume();
    expect((await post(nginx.port)).status).toBe(204);
  });

  it('a message that may have been published is not tried on another backend, though four are there', async () => {
    for (const port of [...gateway.ports, ...gateway.ports]) expect((await post(port)).status).toBe(204);
    await topology.drain();
    broker.suspend();
    onTestFinished(() => broker.resume());
    const answering = post(nginx.port);
    // Looked at once: the message is given up on before long.
    let port = 0;
    const busy = async (): Promise<number[]> => {
      const counts = await inFlight(gateway);
      port = gateway.ports[counts.indexOf(1)] ?? 0;
      return counts.toSorted();
    };
    await expect.poll(busy, { timeout: 4_000, interval: 10 }).toEqual([0, 0, 0, 0, 1]);
    process.kill(backendOn(gateway.pid, port).pid, 'SIGKILL');
    expect((await answering).headers['statelessd-error']).toBe('bad-gateway; published=unknown');
    expect(await inFlight(gateway)).toEqual([0, 0, 0, 0, 0]);
    broker.resume();
    expect((await topology.drain()).length).toBeLessThanOrEqual(1);
  });

  it('a single backend that fails again and again is never put aside', async () => {
    const alone = await gatewayForTest({ ...SETTINGS, ports: 1, broker: topology.broker });
    const inFront = await Nginx.start(alone.ports);
    onTestFinished(() => inFront.stop());
    onTestFinished(() => broker.resume());
    for (let death = 1; death <= 3; death += 1) {
      // The second one has its channel opened: the third can be written at once.
      for (const expected of [204, 204]) expect((await post(inFront.port)).status).toBe(expected);
      broker.suspend();
      const answering = post(inFront.port);
      await expect.poll(() => inFlight(alone), { timeout: 4_000 }).toEqual([1]);
      process.kill(backendOn(alone.pid, alone.port).pid, 'SIGKILL');
      expect((await answering).status).toBe(502);
      broker.resume();
    }
    expect((await post(inFront.port)).status).toBe(204);
  });

  it('backends that say that they are not ready are not put aside', async () => {
    await broker.kill();
    const readiness = (port: number) => http(port, '/readyz', { method: 'GET' }).then(({ status }) => status);
    for (const port of gateway.ports) await expect.poll(() => readiness(port), { timeout: 30_000 }).toBe(503);
    const answers: number[] = [];
    for (let request = 0; request < 20; request += 1) answers.push(await readiness(nginx.port));
    expect(new Set(answers)).toEqual(new Set([503]));
    await broker.start();
    await expect.poll(() => readiness(nginx.port), { timeout: 30_000 }).toBe(200);
  });
});

describe('behind nginx with config/nginx.conf,', () => {
  it('one of five that refuses connections costs nobody a message, and takes no other with it', async () => {
    const topology = await Topology.create();
    onTestFinished(() => topology.delete());
    await topology.exchangeWithQueue();
    const gateway = await gatewayForTest({ ...SETTINGS, ports: 4 });
    const nobody = await claimFreePort();
    onTestFinished(() => nobody.release());
    const nginx = await Nginx.start([nobody.port, ...gateway.ports]);
    onTestFinished(() => nginx.stop());
    const call = { user: topology.user, body: 'body=x', headers: FORM };
    const posts = Array.from({ length: 60 }, () => http(nginx.port, `/${topology.segment}/x/k`, call));
    expect(new Set((await Promise.all(posts)).map(({ status }) => status))).toEqual(new Set([204]));
    for (const { requests } of await statsOf(gateway)) expect(requests['method.POST']).toBeGreaterThan(0);
    expect(await topology.drain()).toHaveLength(60);
  });

  it('backends on Unix sockets serve too', async () => {
    const topology = await Topology.create();
    onTestFinished(() => topology.delete());
    await topology.exchangeWithQueue();
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-test-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const sockets = [join(directory, '0.sock'), join(directory, '1.sock')];
    await gatewayForTest({ ports: 0, http: { xheaders: true, sockets } });
    const nginx = await Nginx.start(sockets.map((socket) => `unix:${socket}`));
    onTestFinished(() => nginx.stop());
    const call = { user: topology.user, body: 'body=x', headers: FORM };
    for (let message = 0; message < 20; message += 1)
      expect((await http(nginx.port, `/${topology.segment}/x/k`, call)).status).toBe(204);
    expect(await topology.drain()).toHaveLength(20);
    const stats = await Promise.all(sockets.map((socket) => http(socket, '/stats', { method: 'GET' })));
    for (const { text } of stats) expect(JSON.parse(text).requests['method.POST']).toBeGreaterThan(0);
  });
});

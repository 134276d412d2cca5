import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { BackendStats } from '../src/handler/stats.ts';
import type { Broker } from '../wrangler-free-local/broker.ts';
import { startBroker } from '../wrangler-free-local/broker.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { basic, http } from './support/http.ts';
import { backendsOf } from './support/processes.ts';
import { lintMetrics } from './support/promtool.ts';
import { portsOf, Topology } from './support/topology.ts';

const MIB = 1024 * 1024;

/** As long as a slow machine may need. */
const SETTINGS = { http: { request_timeout: 110 }, publishing: { publish_timeout: 60 } };

const statsOf = async (port: number): Promise<BackendStats> =>
  JSON.parse((await http(port, '/stats', { method: 'GET' })).text);

/** The most that the backend ever had in memory, in bytes. */
function peak(gateway: GatewayProcess): number {
  const [backend] = backendsOf(gateway.pid);
  return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${backend?.pid}/status`, 'utf8'))?.[1]);
}

describe('memory that requests take', () => {
  let topology: Topology;
  let other: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    other = await Topology.create();
    await topology.exchangeWithQueue();
    await other.exchangeWithQueue();
  });
  afterAll(async () => {
    await topology.delete();
    await other.delete();
  });

  async function start(settings: Parameters<typeof GatewayProcess.start>[0] = SETTINGS): Promise<GatewayProcess> {
    const gateway = await gatewayForTest(settings);
    return gateway;
  }

  async function open(gateway: GatewayProcess): Promise<Socket> {
    // The gateway ends its side after a refusal, and goes on reading.
    const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    onTestFinished(() => void socket.destroy());
    return socket;
  }

  const head = (to: Topology, fields: string, path = `/${to.segment}/x/k`): string =>
    `POST ${path} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(to.user)}\r\nContent-Type: text/plain\r\n${fields}\r\n\r\n`;

  const publish = (gateway: GatewayProcess, to: Topology, body: string | Buffer = 'hi') =>
    http(gateway.port, `/${to.segment}/x/k`, { user: to.user, body, headers: { 'content-type': 'text/plain' } });

  it('is not taken by what is announced and does not come', async () => {
    const sibling = await topology.sibling(`${topology.vhost}-2`);
    onTestFinished(() => sibling.delete());
    await sibling.exchangeWithQueue();
    const gateway = await start();
    for (const to of [topology, sibling, other]) expect((await publish(gateway, to)).status).toBe(204);
    for (let n = 0; n < 8; n += 1)
      (await open(gateway)).write(head(n % 2 === 0 ? topology : sibling, `Content-Length: ${10 * MIB}`));
    await expect.poll(async () => (await statsOf(gateway.port)).held.bytes).toBeGreaterThanOrEqual(8 * 2048);
    expect((await statsOf(gateway.port)).held.bytes).toBeLessThan(MIB);
    const large = Buffer.alloc(10 * MIB, 'x');
    for (const to of [other, topology, sibling]) expect((await publish(gateway, to, large)).status).toBe(204);
  });

  it('is taken by what has come, and half of it by one user at most, on all vhosts together', async () => {
    const sibling = await topology.sibling(`${topology.vhost}-3`);
    onTestFinished(() => sibling.delete());
    await sibling.exchangeWithQueue();
    const gateway = await start({ ...SETTINGS, publishing: { max_held_bytes: '12MiB', publish_timeout: 60 } });
    for (const to of [topology, sibling, other]) expect((await publish(gateway, to)).status).toBe(204);
    const unfinished: Socket[] = [];
    for (const to of [topology, sibling]) {
      const socket = await open(gateway);
      socket.write(head(to, `Content-Length: ${3 * MIB}`));
      socket.write(Buffer.alloc(2 * MIB + MIB / 2, 'x'));
      unfinished.push(socket);
    }
    await expect.poll(async () => (await statsOf(gateway.port)).held.bytes).toBeGreaterThan(4.9 * MIB);
    const { bytes } = (await statsOf(gateway.port)).held;
    expect(bytes).toBeLessThan(5.5 * MIB);

    const large = Buffer.alloc(2 * MIB, 'x');
    for (const to of [topology, sibling]) {
      const refused = await publish(gateway, to, large);
      expect([refused.status, refused.headers['statelessd-error']]).toEqual([503, 'overloaded; published=no']);
    }
    expect((await publish(gateway, topology)).status).toBe(204);
    expect((await publish(gateway, other, large)).status).toBe(204);
    for (const socket of unfinished) {
      const answered = once(socket, 'data');
      socket.write(Buffer.alloc(MIB / 2, 'x'));
      expect(String((await answered)[0])).toMatch(/^HTTP\/1.1 204 /);
    }
    await expect.poll(async () => (await statsOf(gateway.port)).held.bytes).toBe(0);
  });

  it('is refused in the middle of a body that did not say how long it is, and all of it is given back', async () => {
    const gateway = await start({ ...SETTINGS, publishing: { max_held_bytes: '11MiB', publish_timeout: 60 } });
    expect((await publish(gateway, topology)).status).toBe(204);
    const first = await open(gateway);
    first.write(head(topology, `Content-Length: ${5 * MIB}`));
    first.write(Buffer.alloc(5 * MIB - 1, 'x'));
    await expect.poll(async () => (await statsOf(gateway.port)).held.bytes).toBeGreaterThan(4.9 * MIB);
    const second = await open(gateway);
    const answered = once(second, 'data');
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 'x'), Buffer.from('\r\n')]);
    second.write(head(topology, 'Transfer-Encoding: chunked'));
    for (let n = 0; n < 64; n += 1) second.write(chunk);
    const answer = String((await answered)[0]);
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(answer.toLowerCase()).toContain('connection: close');
    first.destroy();
    await expect.poll(async () => (await statsOf(gateway.port)).held.bytes).toBe(0);
  });

  it('is about as large as the body where that comes in chunks of one byte', async () => {
    const gateway = await start();
    expect((await publish(gateway, topology)).status).toBe(204);
    const before = peak(gateway);
    const chunks = 400_000;
    const socket = await open(gateway);
    const answered = once(socket, 'data');
    socket.write(head(topology, 'Transfer-Encoding: chunked'));
    const block = Buffer.from('1\r\nx\r\n'.repeat(10_000));
    for (let n = 0; n < chunks; n += 10_000) if (!socket.write(block)) await once(socket, 'drain');
    await topology.drain();
    socket.write('0\r\n\r\n');
    expect(String((await answered)[0])).toMatch(/^HTTP\/1.1 204 /);
    expect((await topology.drain()).map(({ content }) => content.length)).toEqual([chunks]);
    // 430 bytes a chunk would be 170 MB.
    expect(peak(gateway) - before).toBeLessThan(80 * MIB);
  });

  it('is small while bodies in tiny chunks wait unread for a login', async () => {
    const gateway = await start({
      http: { ...SETTINGS.http, drain_timeout: 1 },
      rabbitmq: { host: '192.0.2.1', connect_timeout: 60 },
      publishing: { publish_timeout: 60 },
    });
    const before = peak(gateway);
    const block = `1\r\nx\r\n`.repeat(50_000);
    for (let n = 0; n < 40; n += 1) {
      const socket = await open(gateway);
      socket.on('error', () => {});
      socket.write(head(topology, 'Transfer-Encoding: chunked') + block);
    }
    // Until each of them has been read from: an answer that comes after them.
    for (let n = 0; n < 50; n += 1) {
      await http(gateway.port, '/healthz', { method: 'GET' });
      await nextTurn();
    }
    // 430 bytes for each of the 20,000 chunks that make the stream pause would be 340 MB.
    expect(peak(gateway) - before).toBeLessThan(100 * MIB);
  });

  it('is not many times as large as a batch whose headers are many', async () => {
    const gateway = await start();
    expect((await publish(gateway, topology)).status).toBe(204);
    const before = peak(gateway);
    const one = JSON.stringify({ routing_key: 'k', body: '', headers: { a: Array(13_000).fill({}) } });
    const body = `[${Array(100).fill(one).join()}]`;
    const answer = await http(gateway.port, `/${topology.segment}/amq.fanout`, {
      user: topology.user,
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(204);
    // As maps they would take 220 MB.
    expect(peak(gateway) - before).toBeLessThan(130 * MIB);
    expect((await statsOf(gateway.port)).held.bytes).toBe(0);
  });

  it('is counted with the headers of messages that wait, and refused where there is none', async () => {
    const gateway = await start({ ...SETTINGS, publishing: { max_held_bytes: '11MiB', publish_timeout: 60 } });
    expect((await publish(gateway, topology)).status).toBe(204);
    // Each element takes two bytes of JSON and five in AMQP.
    const one = JSON.stringify({ routing_key: 'k', body: '', headers: { a: Array(13_000).fill(1) } });
    const answer = await http(gateway.port, `/${topology.segment}/amq.fanout`, {
      user: topology.user,
      body: `[${Array(150).fill(one).join()}]`,
      headers: { 'content-type': 'application/json' },
    });
    expect([answer.status, answer.headers['statelessd-error']]).toEqual([503, 'overloaded; published=no']);
    expect((await statsOf(gateway.port)).held.bytes).toBe(0);
  });

  it('lets a client that is refused in the middle of its body read why', async () => {
    const gateway = await start();
    for (let n = 0; n < 4; n += 1) {
      const socket = await open(gateway);
      const received = once(socket, 'data');
      socket.write(`POST /v/x/k HTTP/1.1\r\nHost: g\r\nContent-Length: ${8 * MIB}\r\n\r\n`);
      for (let sent = 0; sent < 8 * MIB; sent += 65_536)
        if (!socket.write(Buffer.alloc(65_536, 'x'))) await once(socket, 'drain');
      expect(String((await received)[0])).toMatch(/^HTTP\/1.1 401 /);
    }
  });
});

describe('names that an authentication backend accepts, whatever they are,', () => {
  let broker: Broker;
  let topology: Topology;
  beforeAll(async () => {
    const judge = createServer((_, answer) => answer.end('allow'));
    judge.listen(0, '127.0.0.1');
    await once(judge, 'listening');
    const address = judge.address() as AddressInfo;
    const path = `http://127.0.0.1:${address.port}/`;
    broker = await startBroker({
      name: 'room',
      management: true,
      plugins: ['rabbitmq_auth_backend_http'],
      config: {
        'auth_backends.1': 'internal',
        'auth_backends.2': 'http',
        'auth_http.user_path': path,
        'auth_http.vhost_path': path,
        'auth_http.resource_path': path,
        'auth_http.topic_path': path,
      },
    });
    topology = await Topology.create(portsOf(broker));
    return async () => {
      await broker.close();
      judge.close();
    };
  });

  it('are forgotten in the end, and their totals are not', async () => {
    const gateway = await gatewayForTest({ broker: portsOf(broker), rabbitmq: { max_connections: 20 } });
    const names = Array.from({ length: 620 }, (_, n) => `user-${n}`);
    for (let n = 0; n < names.length; n += 5)
      await Promise.all(
        names.slice(n, n + 5).map(async (username) => {
          const user = { username, password: 'x' };
          const { status } = await http(gateway.port, `/${topology.segment}/amq.fanout/k`, { user, body: 'hi' });
          expect(status).toBe(204);
        }),
      );
    await expect.poll(async () => (await statsOf(gateway.port)).forgotten.names).toBeGreaterThan(90);
    const { connections, forgotten } = await statsOf(gateway.port);
    const kept = Object.values(connections);
    expect(kept.length + forgotten.names).toBe(names.length);
    expect(kept.length).toBeLessThanOrEqual(520);
    expect(connections[`${topology.vhost}:user-619`]?.publishes).toBe(1);
    expect(connections[`${topology.vhost}:user-0`]).toBeUndefined();
    expect(kept.reduce((sum, { publishes }) => sum + publishes, forgotten.publishes)).toBe(names.length);

    const { text } = await http(gateway.port, '/metrics', { method: 'GET' });
    expect(await lintMetrics(text)).toBe('');
    const values = (name: string): number[] =>
      text
        .split('\n')
        .filter((line) => line.startsWith(name))
        .map((line) => Number(line.slice(line.lastIndexOf(' '))));
    expect(values('statelessd_messages_confirmed_total{')).toHaveLength(kept.length);
    expect(values('statelessd_forgotten_total{counter="statelessd_messages_confirmed_total"}')).toEqual([
      forgotten.publishes,
    ]);
    expect(values('statelessd_publish_duration_seconds_count')).toEqual([names.length]);

    const again = { username: 'user-0', password: 'x' };
    await http(gateway.port, `/${topology.segment}/amq.fanout/k`, { user: again, body: 'hi' });
    expect((await statsOf(gateway.port)).connections[`${topology.vhost}:user-0`]?.publishes).toBe(1);
  });
});

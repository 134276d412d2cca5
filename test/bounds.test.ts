import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, basic, FORM, http, keepAliveAgent, raw } from './support/http.ts';
import { backendsOf } from './support/processes.ts';
import { TcpProxy } from './support/tcp-proxy.ts';
import { Topology } from './support/topology.ts';

const MAX_RSS_KIB = 300 * 1024;

/** Of five messages of 5 MB each. */
const ROUNDS = 24;

describe('memory', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    // More than a gigabyte takes as long as the machine needs for it.
    gateway = await GatewayProcess.start({ http: { request_timeout: 110 } });
  });
  afterAll(async () => {
    await gateway.stop();
    await topology.delete();
  });

  /** The most that any backend ever had in memory, in KiB. */
  const peak = (of = gateway): number =>
    Math.max(
      ...backendsOf(of.pid).map(({ pid }) =>
        Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]),
      ),
    );
  const path = (): string => `/${topology.segment}/x/k`;

  it('stays bounded under 120 uploads of 10 MB at once, each of which gets an answer', async () => {
    await http(gateway.port, path(), { user: topology.user, body: 'body=x', headers: FORM });
    await topology.drain();
    const agent = keepAliveAgent(120);
    const body = Buffer.alloc(10_000_000, 'x');
    const answers = await Promise.all(
      Array.from({ length: 120 }, () =>
        http(gateway.port, path(), { user: topology.user, body, headers: { 'content-type': 'text/plain' } }, agent),
      ),
    );
    agent.destroy();
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].filter((status) => status !== 204 && status !== 503)).toEqual([]);
    expect(answers.filter(({ status }) => status === 204).length).toBe((await topology.drain()).length);
    expect(peak()).toBeLessThan(MAX_RSS_KIB);
  });

  it.each(['single posts', 'batches'])('stays bounded where the broker owes the confirms of large %s', async (form) => {
    const proxy = await TcpProxy.start(topology.broker.port);
    const patient = await GatewayProcess.start({
      broker: { ...topology.broker, port: proxy.port },
      rabbitmq: { heartbeat: 60 },
    });
    onTestFinished(async () => {
      await patient.stop();
      await proxy.close();
    });
    const text = 'x'.repeat(5_000_000);
    const isBatch = form === 'batches';
    const post = (wait: number): Promise<Answer> =>
      http(patient.port, `/${topology.segment}/amq.fanout${isBatch ? '' : '/k'}`, {
        user: topology.user,
        body: isBatch ? JSON.stringify([{ routing_key: 'k', body: text }]) : text,
        headers: { 'content-type': isBatch ? 'application/json' : 'text/plain', prefer: `wait=${wait}` },
      });
    // The first is sent on a channel of its own, the second on the one that the others share.
    for (let n = 0; n < 2; n += 1) expect((await post(60)).status).toBe(204);
    proxy.link = 'swallow answers';
    const statuses: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      statuses.push(...(await Promise.all(Array.from({ length: 5 }, () => post(1)))).map(({ status }) => status));
    expect(statuses.filter((status) => status === 504).length).toBeGreaterThan(100);
    // Less than what was sent, whenever garbage is collected.
    expect(peak(patient)).toBeLessThan(450 * 1024);
  });

  it('stays bounded under 20,000 pipelined requests on one connection, each of which gets an answer', async () => {
    await topology.drain();
    const head = `POST ${path()} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(topology.user)}\r\n`;
    const one = `${head}Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx`;
    const received = await raw(
      gateway.port,
      one.repeat(19_999) + one.replace('Host: g', 'Host: g\r\nConnection: close'),
    );
    const counts = new Map<string, number>();
    for (const [, status = ''] of received.matchAll(/HTTP\/1\.1 (\d{3}) /g))
      counts.set(status, (counts.get(status) ?? 0) + 1);
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(20_000);
    expect([...counts.keys()].filter((status) => status !== '204' && status !== '503')).toEqual([]);
    expect(counts.get('204')).toBe((await topology.drain()).length);
    expect(peak()).toBeLessThan(MAX_RSS_KIB);
  });
});

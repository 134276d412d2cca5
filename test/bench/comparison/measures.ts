import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { basic } from '../../support/http.ts';
import type { Topology } from '../../support/topology.ts';
import { nextMessage } from '../child.ts';
import { quantile } from '../clients.ts';
import { cpuSecondsOf } from '../cpu.ts';
import type { Place, Target } from './place.ts';
import type { Measure, Sample } from './sample.ts';
import { type Post, wrk } from './wrk.ts';

const cpuOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);

const WARM_UP_SECONDS = 1;
const SECONDS = 3;

/** Posts by wrk, on so many connections. */
export function posting(
  { broker }: Place,
  { port, pids }: Target,
  post: Omit<Post, 'port'>,
  clients: number,
  messagesAPost = 1,
): Measure {
  return async () => {
    await wrk({ ...post, port }, clients, WARM_UP_SECONDS);
    const cpu = cpuOf(pids);
    const brokerCpu = cpuSecondsOf(broker.pid);
    const { requests, seconds, p50, p99 } = await wrk({ ...post, port }, clients, SECONDS);
    const messages = requests * messagesAPost;
    return {
      rate: messages / seconds,
      micros: ((cpuOf(pids) - cpu) / messages) * 1e6,
      brokerMicros: ((cpuSecondsOf(broker.pid) - brokerCpu) / messages) * 1e6,
      p50,
      p99,
    };
  };
}

export function rawPost(topology: Topology, bytes: number, exchange = 'sink'): Omit<Post, 'port'> {
  return {
    path: `/${topology.segment}/${exchange}/k`,
    headers: { Authorization: basic(topology.user), 'Content-Type': 'application/octet-stream' },
    body: Buffer.alloc(bytes, 'x'),
  };
}

export function batchPost(topology: Topology, size: number): Omit<Post, 'port'> {
  const { headers } = rawPost(topology, 0);
  const line = `${JSON.stringify({ routing_key: 'k', body: 'x'.repeat(1024) })}\n`;
  return {
    path: `/${topology.segment}/sink`,
    headers: { ...headers, 'Content-Type': 'application/x-ndjson' },
    body: Buffer.from(line.repeat(size)),
  };
}

const RAW_RESULT = v.object({
  messages: v.number(),
  seconds: v.number(),
  cpuSeconds: v.number(),
  p50: v.number(),
  p99: v.number(),
});

/** rabbitmq-client itself, so many messages at once. */
export function publishing({ broker, topology, floor }: Place, bytes: number, clients: number): Measure {
  return async () => {
    const brokerCpu = cpuSecondsOf(broker.pid);
    const { vhost, user } = topology;
    const order = { port: broker.port, vhost, ...user, exchange: 'sink', bytes, clients };
    floor.amqp.send({ ...order, seconds: SECONDS, warmUpSeconds: WARM_UP_SECONDS });
    const { messages, seconds, cpuSeconds, p50, p99 } = v.parse(RAW_RESULT, await nextMessage(floor.amqp));
    // The broker worked through the warm-up, too.
    const share = SECONDS / (SECONDS + WARM_UP_SECONDS);
    const brokerMicros = (((cpuSecondsOf(broker.pid) - brokerCpu) * share) / messages) * 1e6;
    return { rate: messages / seconds, micros: (cpuSeconds / messages) * 1e6, brokerMicros, p50, p99 };
  };
}

/** Both halves of the floor at once: they share the machine with each other and the broker, as those of a gateway do. */
export function bothHalves(http: Measure, amqp: Measure): Measure {
  return async () => {
    const [asked, published] = await Promise.all([http(), amqp()]);
    return {
      rate: Math.min(asked.rate, published.rate),
      micros: (asked.micros ?? Number.NaN) + (published.micros ?? Number.NaN),
      brokerMicros: published.brokerMicros,
      p50: asked.p50 + published.p50,
      p99: asked.p99 + published.p99,
    };
  };
}

/** For all processes to be there, and the broker to be as busy as it will stay. */
const PHP_WARM_UP_MS = 4_000;
const PHP_MS = 4_000;

/** So many PHP processes, each with one message after the other; counted is what ended while all of them were at it. */
export function php(place: Place, script: 'amqplib' | 'amqp' | 'curl', processes: number): Measure {
  const { broker, topology, gateway } = place;
  const file = fileURLToPath(new URL(`php/${script}.php`, import.meta.url));
  const port = script === 'curl' ? gateway.port : broker.port;
  const { username, password } = topology.user;
  const run = (from: number, to: number) =>
    promisify(execFile)(
      'php',
      [file, String(from / 1000), String(to / 1000), String(port), topology.vhost, username, password],
      { maxBuffer: 2 ** 28 },
    );
  return async (): Promise<Sample> => {
    const from = Date.now() + PHP_WARM_UP_MS;
    const running = Promise.all(Array.from({ length: processes }, () => run(from, from + PHP_MS)));
    await delay(from - Date.now());
    const brokerCpu = cpuSecondsOf(broker.pid);
    const gatewayCpu = cpuOf(gateway.pids);
    await delay(from + PHP_MS - Date.now());
    const brokerSeconds = cpuSecondsOf(broker.pid) - brokerCpu;
    const gatewaySeconds = cpuOf(gateway.pids) - gatewayCpu;
    const outputs = await running;
    const times = outputs.flatMap(({ stdout }) => v.parse(v.array(v.number()), JSON.parse(stdout)));
    return {
      rate: (times.length / PHP_MS) * 1000,
      ...(script === 'curl' && { micros: (gatewaySeconds / times.length) * 1e6 }),
      brokerMicros: (brokerSeconds / times.length) * 1e6,
      p50: quantile(times, 0.5) * 1000,
      p99: quantile(times, 0.99) * 1000,
    };
  };
}

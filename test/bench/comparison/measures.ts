import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { basic } from '../../support/http.ts';
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

export function rawPost({ topology }: Place, bytes: number, exchange = 'sink'): Omit<Post, 'port'> {
  return {
    path: `/${topology.segment}/${exchange}/k`,
    headers: { Authorization: basic(topology.user), 'Content-Type': 'application/octet-stream' },
    body: Buffer.alloc(bytes, 'x'),
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

/** So many PHP processes, each with one message after the other. */
export function php(place: Place, script: 'amqplib' | 'amqp' | 'curl', processes: number): Measure {
  const { broker, topology, gateway } = place;
  const file = new URL(`php/${script}.php`, import.meta.url).pathname;
  const port = script === 'curl' ? gateway.port : broker.port;
  const { username, password } = topology.user;
  const run = (seconds: number) =>
    promisify(execFile)('php', [file, String(seconds), String(port), topology.vhost, username, password], {
      maxBuffer: 2 ** 28,
    });
  const all = (seconds: number) => Promise.all(Array.from({ length: processes }, () => run(seconds)));
  return async (): Promise<Sample> => {
    await all(WARM_UP_SECONDS);
    const brokerCpu = cpuSecondsOf(broker.pid);
    const gatewayCpu = cpuOf(gateway.pids);
    const outputs = await all(SECONDS);
    const times = outputs.flatMap(({ stdout }) => v.parse(v.array(v.number()), JSON.parse(stdout)));
    const micros = ((cpuOf(gateway.pids) - gatewayCpu) / times.length) * 1e6;
    return {
      rate: times.length / SECONDS,
      ...(script === 'curl' && { micros }),
      brokerMicros: ((cpuSecondsOf(broker.pid) - brokerCpu) / times.length) * 1e6,
      p50: quantile(times, 0.5) * 1000,
      p99: quantile(times, 0.99) * 1000,
    };
  };
}

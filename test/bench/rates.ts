import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { Broker } from '../../wrangler-free-local/broker.ts';
import type { GatewayProcess } from '../support/gateway.ts';
import { basic, http } from '../support/http.ts';
import type { Topology } from '../support/topology.ts';
import { nextMessage, startChild } from './child.ts';
import { quantile } from './clients.ts';
import { cpuSecondsOf } from './cpu.ts';

export const BODY_BYTES = 1024;

/** All clients have begun after four seconds (clients.ts); counted is what comes then, in one window after another. */
const RAMP_MS = 5_000;
const WINDOW_MS = 3_000;

const ANSWERS = v.object({ byStatus: v.array(v.tuple([v.number(), v.array(v.number())])) });
const STATS = v.object({
  cpu_time: v.object({ system: v.number(), user: v.number() }),
  connections: v.record(v.string(), v.object({ publishes: v.number() })),
});

/** Posts a second and microseconds of CPU a post. */
interface Window {
  readonly rate: number;
  readonly gatewayMicros: number;
  readonly brokerMicros: number;
}

/** The fastest window, for what else runs only makes it slower, and the milliseconds that clients waited in all of them. */
export interface Figures extends Window {
  readonly p50: number;
  readonly p99: number;
}

/** Has clients publish to the topology's exchange `x`, each as fast as it is answered, spread over the backends. */
export async function measureRates(
  gateway: GatewayProcess,
  broker: Broker,
  topology: Topology,
  { clients, windows }: { readonly clients: number; readonly windows: number },
): Promise<Figures> {
  const request = requestOf(topology).toString('base64');
  const seconds = (RAMP_MS + windows * WINDOW_MS) / 1000 + 0.5;
  const crowds = gateway.ports.map((port) => {
    const crowd = startChild('crowd.ts');
    crowd.send({ port, request, clients: clients / gateway.ports.length, seconds });
    return { crowd, answers: nextMessage(crowd) };
  });
  await delay(RAMP_MS);
  const readings = [await read(gateway, broker)];
  while (readings.length <= windows) {
    await delay(WINDOW_MS);
    readings.push(await read(gateway, broker));
  }
  const times: number[] = [];
  for (const { crowd, answers } of crowds) {
    for (const [status, waited] of v.parse(ANSWERS, await answers).byStatus) {
      if (status !== 204) throw new Error(`${waited.length} posts were answered ${status}`);
      for (const time of waited) times.push(time);
    }
    crowd.disconnect();
  }
  const measured = readings.slice(1).map((after, index) => windowOf(readings[index] ?? after, after));
  const fastest = measured.reduce((a, b) => (b.rate > a.rate ? b : a));
  return { ...fastest, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

function windowOf(before: Reading, after: Reading): Window {
  const messages = after.messages - before.messages;
  return {
    rate: (messages / (after.at - before.at)) * 1000,
    gatewayMicros: ((after.gatewaySeconds - before.gatewaySeconds) / messages) * 1e6,
    brokerMicros: ((after.brokerSeconds - before.brokerSeconds) / messages) * 1e6,
  };
}

/** So far: confirmed messages, and seconds of CPU. */
interface Reading {
  readonly at: number;
  readonly messages: number;
  readonly gatewaySeconds: number;
  readonly brokerSeconds: number;
}

async function read(gateway: GatewayProcess, broker: Broker): Promise<Reading> {
  let messages = 0;
  let gatewaySeconds = 0;
  for (const port of gateway.ports) {
    const { cpu_time, connections } = v.parse(STATS, JSON.parse((await http(port, '/stats', { method: 'GET' })).text));
    gatewaySeconds += cpu_time.system + cpu_time.user;
    for (const { publishes } of Object.values(connections)) messages += publishes;
  }
  return { at: performance.now(), messages, gatewaySeconds, brokerSeconds: cpuSecondsOf(broker.pid) };
}

function requestOf(topology: Topology): Buffer {
  const head = [
    `POST /${topology.segment}/x/k HTTP/1.1`,
    'Host: localhost',
    `Authorization: ${basic(topology.user)}`,
    'Content-Type: text/plain',
    `Content-Length: ${BODY_BYTES}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.alloc(BODY_BYTES, 'x')]);
}

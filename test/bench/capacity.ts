/**
 * `npm run capacity`: what a machine carries that the broker and the clients share. Prints the tables of docs/scaling.md.
 * As many rounds as wanted may be given; each figure is the median of them.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { cpus, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { GatewayProcess } from '../support/gateway.ts';
import { basic, http } from '../support/http.ts';
import { backendsOf, statusOf } from '../support/processes.ts';
import { portsOf, Topology } from '../support/topology.ts';
import { nextMessage, startChild } from './child.ts';
import { quantile } from './clients.ts';

const BODY_BYTES = 1024;

/** All clients have begun after four seconds (clients.ts); counted is what comes then. */
const RAMP_MS = 5_000;
const COUNTED_MS = 8_000;

const USERS = 200;
const IDLE_CLIENTS = 500;

const ANSWERS = v.object({ byStatus: v.array(v.tuple([v.number(), v.array(v.number())])) });
const STATS = v.object({
  cpu_time: v.object({ system: v.number(), user: v.number() }),
  connections: v.record(v.string(), v.object({ publishes: v.number() })),
});

const rounds = Number(process.argv[2] ?? 3);
const broker = await startBroker({ name: 'capacity', management: true });
const topology = await Topology.create(portsOf(broker));
await topology.exchangeWithQueue('x', 'q', { 'x-max-length': 1000 });

/** So far: confirmed messages, and seconds of CPU. */
interface Reading {
  readonly at: number;
  readonly messages: number;
  readonly gatewaySeconds: number;
  readonly brokerSeconds: number;
}

async function read(gateway: GatewayProcess): Promise<Reading> {
  let messages = 0;
  let gatewaySeconds = 0;
  for (const port of gateway.ports) {
    const { cpu_time, connections } = v.parse(STATS, JSON.parse((await http(port, '/stats', { method: 'GET' })).text));
    gatewaySeconds += cpu_time.system + cpu_time.user;
    for (const { publishes } of Object.values(connections)) messages += publishes;
  }
  return { at: performance.now(), messages, gatewaySeconds, brokerSeconds: cpuSecondsOf(broker.pid) };
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Of proc_pid_stat(5), the fields utime and stime. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Posts a second, microseconds of CPU a post, milliseconds that clients waited. */
interface Figures {
  readonly rate: number;
  readonly gatewayMicros: number;
  readonly brokerMicros: number;
  readonly p50: number;
  readonly p99: number;
}

async function measure(gateway: GatewayProcess, clients: number): Promise<Figures> {
  const request = requestOf().toString('base64');
  const seconds = (RAMP_MS + COUNTED_MS) / 1000 + 0.5;
  const crowds = gateway.ports.map((port) => {
    const crowd = startChild('crowd.ts');
    crowd.send({ port, request, clients: clients / gateway.ports.length, seconds });
    return { crowd, answers: nextMessage(crowd) };
  });
  await delay(RAMP_MS);
  const before = await read(gateway);
  await delay(COUNTED_MS);
  const after = await read(gateway);
  const times: number[] = [];
  for (const { crowd, answers } of crowds) {
    for (const [status, waited] of v.parse(ANSWERS, await answers).byStatus) {
      if (status !== 204) throw new Error(`${waited.length} posts were answered ${status}`);
      for (const time of waited) times.push(time);
    }
    crowd.disconnect();
  }
  const messages = after.messages - before.messages;
  return {
    rate: (messages / (after.at - before.at)) * 1000,
    gatewayMicros: ((after.gatewaySeconds - before.gatewaySeconds) / messages) * 1e6,
    brokerMicros: ((after.brokerSeconds - before.brokerSeconds) / messages) * 1e6,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
}

function requestOf(): Buffer {
  const head = [
    `POST /${topology.segment}/x/k HTTP/1.1`,
    'Host: localhost',
    `Authorization: ${basic(topology.user)}`,
    'Content-Type: text/plain',
    `Content-Length: ${BODY_BYTES}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.alloc(BODY_BYTES, 'x')]);
}

/** KiB that the only backend holds in memory now. */
function residentKiB(gateway: GatewayProcess): number {
  const [backend] = backendsOf(gateway.pid);
  return Number.parseInt(statusOf(backend?.pid ?? 0).VmRSS ?? '', 10);
}

const [cpu] = cpus();
const rabbitmq = (await broker.rpcEval('rabbit_misc:version().')).replaceAll('"', '');
console.log(
  `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}, RabbitMQ ${rabbitmq}; ` +
    `gateway, broker and clients on the same machine; bodies of ${BODY_BYTES} bytes; median of ${rounds} rounds\n`,
);
console.log(
  '| backends | clients | posts a second | gateway CPU a post | broker CPU a message | answered in, p50 | p99 |\n' +
    '| ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
);
for (const ports of [1, 2]) {
  const gateway = await GatewayProcess.start({ broker: topology.broker, ports });
  for (const clients of [1, 8, 64]) {
    if (clients < ports) continue;
    const figures: Figures[] = [];
    for (let round = 0; round < rounds; round += 1) figures.push(await measure(gateway, clients));
    const median = (key: keyof Figures): number => {
      const sorted = figures.map((one) => one[key]).sort((a, b) => a - b);
      return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
    };
    console.log(
      `| ${ports} | ${clients} | ${median('rate').toFixed(0)} | ${median('gatewayMicros').toFixed(0)} µs | ` +
        `${median('brokerMicros').toFixed(0)} µs | ${median('p50').toFixed(1)} ms | ${median('p99').toFixed(1)} ms |`,
    );
  }
  await gateway.stop();
}

const gateway = await GatewayProcess.start({ broker: topology.broker });
const publish = async (user = topology.user, agent: Agent | false = false): Promise<void> => {
  const { status } = await http(gateway.port, `/${topology.segment}/x/k`, { user, body: 'x' }, agent);
  if (status !== 204) throw new Error(`a post was answered ${status}`);
};
for (let warming = 0; warming < 2_000; warming += 1) await publish();
const users = [];
for (let number = 0; number < USERS; number += 1)
  users.push(await topology.addUser({ username: `capacity-${number}`, password: 'secret' }));
const resident = { alone: residentKiB(gateway), broker: Number.parseInt(statusOf(broker.pid).VmRSS ?? '', 10) };
for (const user of users) await publish(user);
const connected = {
  gateway: residentKiB(gateway),
  broker: Number.parseInt(statusOf(broker.pid).VmRSS ?? '', 10),
};
const agent = new Agent({ keepAlive: true });
await Promise.all(Array.from({ length: IDLE_CLIENTS }, () => publish(topology.user, agent)));
const idle = residentKiB(gateway);
agent.destroy();
console.log(
  `\n| memory | KiB |\n| --- | ---: |\n| a backend that has one connection | ${resident.alone} |\n` +
    `| each further connection to RabbitMQ (${USERS} users) | ${((connected.gateway - resident.alone) / USERS).toFixed(0)} |\n` +
    `| the same, in the broker | ${((connected.broker - resident.broker) / USERS).toFixed(0)} |\n` +
    `| each client that keeps its connection (${IDLE_CLIENTS}) | ${((idle - connected.gateway) / IDLE_CLIENTS).toFixed(0)} |`,
);
await gateway.stop();
await broker.close();

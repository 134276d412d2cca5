import { readdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { Broker } from '../../wrangler-free-local/broker.ts';
import { GatewayProcess } from '../support/gateway.ts';
import { type Answer, http } from '../support/http.ts';
import { backendsOf, statusOf } from '../support/processes.ts';
import type { Topology, User } from '../support/topology.ts';

/** So many that what garbage collection does meanwhile is little beside them. */
const USERS = 2_000;
const IDLE_CLIENTS = 4_000;
const LARGE_BODIES = 250;
const LARGE_BODY_BYTES = 2 ** 20;

/** Between two readings of memory, so that both come after as much garbage. */
const SETTLING_POSTS = 5_000;
const SETTLING_CLIENTS = 8;

/** What a process has of its machine, in KiB and descriptors. */
interface Footprint {
  readonly kiB: number;
  readonly descriptors: number;
}

function footprintOf(pid: number): Footprint {
  return {
    kiB: Number.parseInt(statusOf(pid).VmRSS ?? '', 10),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** What connections cost, those to the broker and those of clients: the rows of a table. */
export async function measureFootprints(broker: Broker, topology: Topology): Promise<string[]> {
  const gateway = await GatewayProcess.start({
    broker: topology.broker,
    rabbitmq: { max_connections: 2 * USERS },
    publishing: { publish_timeout: 60, max_held_bytes: '512MiB' },
  });
  const backend = backendsOf(gateway.pid)[0]?.pid ?? 0;
  const post = (user: User, body: string | Uint8Array, agent: Agent | false = false): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x/k`, { user, body }, agent);
  const publish = async (user = topology.user, agent: Agent | false = false): Promise<void> => {
    const { status } = await post(user, 'x', agent);
    if (status !== 204) throw new Error(`a post was answered ${status}`);
  };
  const settle = async (): Promise<void> => {
    let left = SETTLING_POSTS;
    const client = async (): Promise<void> => {
      for (; left > 0; left -= 1) await publish();
    };
    await Promise.all(Array.from({ length: SETTLING_CLIENTS }, client));
  };

  const users: User[] = [];
  for (let number = 0; number < USERS; number += 1)
    users.push(await topology.addUser({ username: `capacity-${number}`, password: 'secret' }));
  await settle();
  await settle();
  const alone = { gateway: footprintOf(backend), broker: footprintOf(broker.pid) };
  for (const user of users) await publish(user);
  await settle();
  const connected = { gateway: footprintOf(backend), broker: footprintOf(broker.pid) };
  const agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_CLIENTS });
  await Promise.all(Array.from({ length: IDLE_CLIENTS }, () => publish(topology.user, agent)));
  await settle();
  const crowded = footprintOf(backend);

  // The broker is silent, and as many bodies come as there is room for.
  broker.suspend();
  const posts = users.slice(0, LARGE_BODIES).map((user) => post(user, Buffer.alloc(LARGE_BODY_BYTES, 'x')));
  while ((await inFlight(gateway.port)) < LARGE_BODIES) await delay(100);
  const full = footprintOf(backend);
  broker.resume();
  await Promise.all(posts);
  agent.destroy();
  await gateway.stop();

  return [
    row('a backend with one connection to RabbitMQ', alone.gateway),
    row('each further one', connected.gateway, alone.gateway, USERS),
    row('the same, in the broker', connected.broker, alone.broker, USERS),
    row('each client that keeps its connection', crowded, connected.gateway, IDLE_CLIENTS),
    row('each message of 1 MiB that waits', full, crowded, LARGE_BODIES),
  ];
}

const IN_FLIGHT = v.object({ connections: v.record(v.string(), v.object({ in_flight: v.number() })) });

async function inFlight(port: number): Promise<number> {
  const { text } = await http(port, '/stats', { method: 'GET' });
  const { connections } = v.parse(IN_FLIGHT, JSON.parse(text));
  return Object.values(connections).reduce((sum, { in_flight }) => sum + in_flight, 0);
}

function row(what: string, one: Footprint, other: Footprint = { kiB: 0, descriptors: 0 }, many = 1): string {
  const kiB = (one.kiB - other.kiB) / many;
  const descriptors = (one.descriptors - other.descriptors) / many;
  return `| ${what} | ${kiB.toFixed(0)} KiB | ${descriptors.toFixed(0)} |`;
}

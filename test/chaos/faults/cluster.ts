import { setTimeout as delay } from 'node:timers/promises';
import type { Broker } from '../../../wrangler-free-local/broker.ts';
import type { Fault } from '../fault.ts';
import { Load } from '../load.ts';
import type { World } from '../world.ts';

/** The node on which the first queue's leader is. */
async function leaderOf({ topology, broker: first, brokers }: World): Promise<Broker> {
  const leader = await first.rpcEval(`
    {ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"${topology.vhost}">>, queue, <<"q0">>)),
    {_, Node} = amqqueue:get_pid(Queue), Node`);
  const broker = brokers.find(({ nodename }) => leader.includes(nodename));
  if (!broker) throw new Error(`the leader of q0 is ${leader}`);
  return broker;
}

const RECOVERY_MS = 15_000;

/** Resolves when a message of each user to each exchange is confirmed. */
async function recovery(world: World): Promise<void> {
  const until = performance.now() + RECOVERY_MS;
  while (performance.now() < until) {
    const load = new Load({ ports: world.gateway.ports, clients: 4, messages: 20, shot: (n) => world.innocent(n) });
    const entries = await load.done();
    if (entries.every(({ status }) => status === 204)) return;
    await delay(100);
  }
  throw new Error(`no recovery within ${RECOVERY_MS / 1000} s`);
}

/** Nodes of a cluster of three go away, and quorum queues have to find themselves new leaders. */
export const clusterFaults: readonly Fault[] = [
  {
    name: 'leader killed',
    what: 'the node that leads a quorum queue is killed with SIGKILL, and comes back once all are served without it',
    outage: true,
    world: 'clustered',
    async strike(world) {
      const leader = await leaderOf(world);
      await leader.kill();
      await recovery(world);
      await leader.start();
    },
  },
  {
    name: 'rolling restart',
    what: 'each node of the cluster in turn is stopped and started again',
    world: 'clustered',
    slow: true,
    async strike({ brokers }) {
      for (const broker of brokers) {
        await broker.stop();
        await broker.start();
      }
    },
  },
  {
    name: 'quorum lost',
    what: 'two of three nodes are killed at once, and come back after 5 s; clients wait for up to 15 s',
    world: 'clustered',
    outage: true,
    slow: true,
    async strike({ brokers }) {
      const [, ...others] = brokers;
      await Promise.all(others.map((broker) => broker.kill()));
      await delay(5_000);
      await Promise.all(others.map((broker) => broker.start()));
    },
  },
];

import { type Broker, type BrokerOptions, startBroker } from '../../wrangler-free-local/broker.ts';
import { startCluster } from '../support/cluster.ts';
import { GatewayProcess, type Settings } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { portsOf, Topology, type User } from '../support/topology.ts';
import { INNOCENT } from './ledger.ts';
import type { Shot } from './load.ts';
import { type QueueRef, readOut } from './read-out.ts';

const USERS = 4;
const EXCHANGES = 5;

export interface WorldOptions {
  readonly broker?: BrokerOptions;
  /** How many nodes the broker has; from two on they are a cluster, and the queues quorum queues. */
  readonly nodes?: number;
  /** The gateway reaches the broker through a link that can be made bad. */
  readonly proxied?: boolean;
  readonly gateway?: Settings;
}

/** Headers of types that say themselves what they are. */
const TYPED = `&delivery_mode=2&headers=${encodeURIComponent('{"attempt":200,"part":2.0,"of":{"$numberLong":"5"}}')}`;

/** Longer than what is copied into one buffer with its frames. */
const LARGE = 'x'.repeat(40_000);

/** A broker, a gateway in front of it, users, and exchanges that each have a queue. */
export class World {
  readonly brokers: readonly Broker[];
  /** The first of them, or the only one. */
  readonly broker: Broker;
  readonly proxy: TcpProxy | undefined;
  readonly gateway: GatewayProcess;
  readonly topology: Topology;
  readonly users: readonly User[];

  private constructor(
    brokers: readonly [Broker, ...Broker[]],
    proxy: TcpProxy | undefined,
    gateway: GatewayProcess,
    topology: Topology,
    users: readonly User[],
  ) {
    this.brokers = brokers;
    this.broker = brokers[0];
    this.proxy = proxy;
    this.gateway = gateway;
    this.topology = topology;
    this.users = users;
  }

  static async create({ nodes = 1, proxied = false, ...options }: WorldOptions = {}): Promise<World> {
    const brokers: [Broker, ...Broker[]] =
      nodes > 1
        ? await startCluster(nodes, options.broker)
        : [await startBroker({ name: 'chaos', management: true, ...options.broker })];
    const ports = portsOf(brokers[0]);
    const topology = await Topology.create(ports, 'chaos');
    const queueType = nodes > 1 ? { 'x-queue-type': 'quorum' } : {};
    for (let n = 0; n < EXCHANGES; n += 1) await topology.exchangeWithQueue(`x${n}`, `q${n}`, queueType);
    const users: User[] = [];
    for (let n = 0; n < USERS; n += 1) users.push(await topology.addUser({ username: `user${n}`, password: `p${n}` }));
    const proxy = proxied ? await TcpProxy.start(ports.port) : undefined;
    const hosts = proxy ? [`127.0.0.1:${proxy.port}`] : brokers.map(({ host, port }) => `${host}:${port}`);
    const rabbitmq = { hosts, ...options.gateway?.rabbitmq };
    const gateway = await GatewayProcess.start({ broker: ports, ...options.gateway, rabbitmq });
    return new World(brokers, proxy, gateway, topology, users);
  }

  get queues(): QueueRef[] {
    return Array.from({ length: EXCHANGES }, (_, n) => ({ vhost: this.topology.vhost, queue: `q${n}` }));
  }

  /** A persistent message of one of the users to one of the exchanges. Some have headers, a few a long body. */
  innocent(n: number): Shot {
    const user = this.users[n % this.users.length];
    if (!user) throw new Error('there are no users');
    const path = `/${this.topology.segment}/x${n % EXCHANGES}/key.${n % 7}`;
    const fields = n % 5 === 4 ? TYPED : '&delivery_mode=2';
    return { path, user, expectation: INNOCENT, fields, ...(n % 100 === 99 && { padding: LARGE }) };
  }

  /** Those of them that are still there. */
  async readableQueues(): Promise<QueueRef[]> {
    // Without statistics, for which a node would ask all others, those that are just coming back too.
    const query = 'disable_stats=true&enable_queue_totals=true';
    const { json } = await this.broker.api('GET', `/queues/${this.topology.segment}?${query}`);
    const names = new Set(Array.isArray(json) ? json.map(({ name }) => name) : []);
    return this.queues.filter(({ queue }) => names.has(queue));
  }

  readOut(queues: readonly QueueRef[] = this.queues): Promise<Map<string, number>> {
    return readOut(portsOf(this.broker), queues);
  }

  async close(): Promise<void> {
    await this.gateway.stop();
    await this.proxy?.close();
    for (const broker of this.brokers.toReversed()) await broker.close();
  }
}

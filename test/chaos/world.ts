import { type Broker, type BrokerOptions, startBroker } from '../../wrangler-free-local/broker.ts';
import { GatewayProcess, type Settings } from '../support/gateway.ts';
import { type BrokerPorts, Topology, type User } from '../support/topology.ts';
import { INNOCENT } from './ledger.ts';
import type { Shot } from './load.ts';
import { type QueueRef, readOut } from './read-out.ts';

const USERS = 4;
const EXCHANGES = 5;

export interface WorldOptions {
  readonly broker?: BrokerOptions;
  readonly gateway?: Settings;
}

/** A broker, a gateway in front of it, users, and exchanges that each have a queue. */
export class World {
  readonly broker: Broker;
  readonly gateway: GatewayProcess;
  readonly topology: Topology;
  readonly users: readonly User[];
  readonly #ports: BrokerPorts;

  private constructor(
    broker: Broker,
    gateway: GatewayProcess,
    topology: Topology,
    users: readonly User[],
    ports: BrokerPorts,
  ) {
    this.broker = broker;
    this.gateway = gateway;
    this.topology = topology;
    this.users = users;
    this.#ports = ports;
  }

  static async create(options: WorldOptions = {}): Promise<World> {
    const broker = await startBroker({ name: 'chaos', management: true, ...options.broker });
    if (broker.managementPort === undefined) throw new Error('the broker has no management API');
    const ports = { port: broker.port, managementPort: broker.managementPort };
    const topology = await Topology.create(ports, 'chaos');
    for (let n = 0; n < EXCHANGES; n += 1) await topology.exchangeWithQueue(`x${n}`, `q${n}`);
    const users: User[] = [];
    for (let n = 0; n < USERS; n += 1) users.push(await topology.addUser({ username: `user${n}`, password: `p${n}` }));
    const gateway = await GatewayProcess.start({ broker: ports, ...options.gateway });
    return new World(broker, gateway, topology, users, ports);
  }

  get queues(): QueueRef[] {
    return Array.from({ length: EXCHANGES }, (_, n) => ({ vhost: this.topology.vhost, queue: `q${n}` }));
  }

  /** A persistent message of one of the users to one of the exchanges. */
  innocent(n: number): Shot {
    const user = this.users[n % this.users.length];
    if (!user) throw new Error('there are no users');
    const path = `/${this.topology.segment}/x${n % EXCHANGES}/key.${n % 7}`;
    return { path, user, expectation: INNOCENT, fields: '&delivery_mode=2' };
  }

  /** Those of them that are still there. */
  async readableQueues(): Promise<QueueRef[]> {
    const { json } = await this.broker.api('GET', `/queues/${this.topology.segment}`);
    const names = new Set(Array.isArray(json) ? json.map(({ name }) => name) : []);
    return this.queues.filter(({ queue }) => names.has(queue));
  }

  readOut(queues: readonly QueueRef[] = this.queues): Promise<Map<string, number>> {
    return readOut(this.#ports, queues);
  }

  async close(): Promise<void> {
    await this.gateway.stop();
    await this.broker.close();
  }
}

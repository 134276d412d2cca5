import { readFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import * as v from 'valibot';
import { callApi } from '../../../wrangler-free-local/management-api.ts';
import { backendsOf } from '../../support/processes.ts';
import { type BrokerPorts, Topology, type User } from '../../support/topology.ts';
import { AttackedGateway, type GatewayOptions } from './attacked-gateway.ts';
import { LIMIT_BYTES, limitMemory, type MemoryLimit } from './memory-limit.ts';
import { type Call, type Sent, send } from './send.ts';

/** What the attacker's process is told. */
export const SEED = v.object({
  attack: v.string(),
  /** What the names of limits begin with. */
  limits: v.string(),
  seconds: v.number(),
  fuzzedConnections: v.number(),
  broker: v.object({ port: v.number(), managementPort: v.number() }),
  nodename: v.string(),
  vhost: v.string(),
  /** One of the honest users: the login that is in use. */
  victim: v.object({ username: v.string(), password: v.string() }),
  /** None for an attack that starts its own. */
  gateway: v.optional(v.object({ port: v.number(), pid: v.number(), log: v.string() })),
});
export type Seed = v.InferOutput<typeof SEED>;

const ATTEMPTS = v.array(v.looseObject({ protocol: v.string(), auth_attempts: v.number() }));

/** What an attacker has before him, and a valid user of his own. */
export class World {
  readonly seed: Seed;
  readonly topology: Topology;
  readonly agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #gateways = new Map<AttackedGateway, MemoryLimit>();
  readonly #closers: (() => unknown)[] = [];

  private constructor(seed: Seed, topology: Topology) {
    this.seed = seed;
    this.topology = topology;
  }

  /** The exchange `sink` has no queue, `spied` has one. */
  static async create(seed: Seed): Promise<World> {
    const topology = await Topology.create(seed.broker, seed.vhost);
    await topology.exchange('sink', 'fanout');
    await topology.exchangeWithQueue('spied', 'spied');
    return new World(seed, topology);
  }

  get port(): number {
    return this.seed.gateway?.port ?? 0;
  }

  get supervisor(): number {
    return this.seed.gateway?.pid ?? 0;
  }

  get backends(): number[] {
    return backendsOf(this.supervisor).map(({ pid }) => pid);
  }

  get broker(): BrokerPorts {
    return this.seed.broker;
  }

  /** The attacker's own login. */
  get user(): User {
    return this.topology.user;
  }

  get victim(): User {
    return this.seed.victim;
  }

  logged(): Promise<string> {
    return readFile(this.seed.gateway?.log ?? '', 'utf8').catch(() => '');
  }

  /** A gateway of the attack's own, within the same limit, which ends with it. */
  async startGateway(options: Partial<GatewayOptions> = {}): Promise<AttackedGateway> {
    const limit = limitMemory(`${this.seed.limits}-${this.#gateways.size}`, LIMIT_BYTES);
    const gateway = await AttackedGateway.start({ broker: this.broker, limit, ...options });
    this.#gateways.set(gateway, limit);
    return gateway;
  }

  /** The most memory that it had, in bytes. */
  peakOf(gateway: AttackedGateway): number {
    return this.#gateways.get(gateway)?.peak() ?? Number.NaN;
  }

  /** To be called at the end. */
  onEnd(close: () => unknown): void {
    this.#closers.push(close);
  }

  /** A post to the attacked gateway. */
  post(call: Call = {}, path = `/${this.topology.segment}/sink/k?mandatory=0`, port = this.port): Promise<Sent> {
    return send(port, path, { agent: this.agent, user: this.user, body: 'x', ...call });
  }

  get(path: string, call: Call = {}, port = this.port): Promise<Sent> {
    return send(port, path, { agent: this.agent, method: 'GET', ...call });
  }

  /** How many logins the broker has judged so far. */
  async logins(): Promise<number> {
    const { json } = await callApi(this.broker.managementPort, 'GET', `/auth/attempts/${this.seed.nodename}`);
    return v.parse(ATTEMPTS, json).find(({ protocol }) => protocol === 'amqp091')?.auth_attempts ?? 0;
  }

  async close(): Promise<void> {
    this.agent.destroy();
    for (const close of this.#closers.toReversed()) await close();
    for (const [gateway, limit] of this.#gateways) {
      await gateway.stop();
      await limit.delete();
    }
  }
}

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { Broker } from '../../wrangler-free-local/broker.ts';
import { readOut } from '../chaos/read-out.ts';
import { portsOf, Topology, type User } from '../support/topology.ts';
import type { Attack, Finding } from './attack-contract.ts';
import { type Beside, figuresOf, judge } from './judge.ts';
import { AttackedGateway } from './support/attacked-gateway.ts';
import { Bystanders, start } from './support/bystanders.ts';
import { LIMIT_BYTES, limitMemory, limitsOf, sweepLimits } from './support/memory-limit.ts';
import type { Seed } from './support/world.ts';

/** What the names of this program's limits begin with. */
export const LIMITS = limitsOf(process.pid);

const BEFORE_MS = 2_000;
const HONEST_USERS = 4;
/** How long an attack may take beyond its time before its process is ended. */
const GRACE_MS = 60_000;

const FINDING = v.object({ figures: v.string(), broken: v.array(v.string()) });

export interface Row {
  readonly attack: Attack;
  readonly figures: string;
  readonly broken: readonly string[];
  /** Promises about times and rates that were broken. */
  readonly late: readonly string[];
  readonly beside: Beside | undefined;
}

export interface RunOptions {
  readonly seconds: number;
  readonly fuzzedConnections: number;
}

/** One attack on a fresh gateway, with honest clients before, during and after it. */
export async function runAttack(attack: Attack, broker: Broker, options: RunOptions): Promise<Row> {
  const topology = await Topology.create(portsOf(broker), `attack ${attack.name}`);
  await topology.exchangeWithQueue('honest', 'honest');
  const users: User[] = [];
  for (let n = 0; n < HONEST_USERS; n += 1)
    users.push(await topology.addUser({ username: `honest-${n}`, password: `honest-${n}-secret` }));
  const [victim = topology.user] = users;
  const { vhost, broker: ports } = topology;
  const seconds = attack.seconds ?? options.seconds;
  const seed = {
    ...options,
    limits: `${LIMITS}-own`,
    seconds,
    attack: attack.name,
    broker: ports,
    nodename: broker.nodename,
    vhost,
    victim,
  };
  try {
    return attack.alone
      ? { attack, ...(await strike(seed)), late: [], beside: undefined }
      : await beside(attack, seed, { topology, users });
  } finally {
    await sweepLimits(seed.limits);
    await topology.delete();
  }
}

interface Scene {
  readonly topology: Topology;
  readonly users: readonly User[];
}

async function beside(attack: Attack, seed: Seed, { topology, users }: Scene): Promise<Row> {
  const limit = limitMemory(LIMITS, LIMIT_BYTES);
  const { broker } = topology;
  // Both have just started: one that has run for long is faster.
  const [gateway, control] = await Promise.all([
    AttackedGateway.start({ ...attack.gateway, broker, limit }),
    AttackedGateway.start({ broker }),
  ]);
  try {
    const pids = gateway.backends;
    const { port, pid, log } = gateway;
    const who = { attacked: port, control: control.port, segment: topology.segment, users: [...users] };
    const attacker = Attacker.start({ ...seed, gateway: { port, pid, log } });
    const bystanders = await Bystanders.start(who);
    await Promise.all([attacker.ready, bystanders.warm()]);
    const warm = Date.now();
    await delay(BEFORE_MS);
    const begin = Date.now();
    const finding = await attacker.strike();
    const end = Date.now();
    const seen = await bystanders.stop();
    await attacker.ended();
    const found = await readOut(topology.broker, [{ vhost: topology.vhost, queue: 'honest' }]);
    const survived = gateway.backends.filter((backend) => pids.includes(backend)).length;
    const replaced = attack.rolls ? 0 : pids.length - survived;
    const deaths = { kills: limit.kills(), replaced, ended: gateway.hasEnded };
    const memory = { peakBytes: limit.peak(), limitedBy: limit.kind };
    const figures = figuresOf(seen, found, { warm, begin, end }, { ...deaths, ...memory });
    const { broken, late } = judge(figures);
    return { attack, figures: finding.figures, broken: [...finding.broken, ...broken], late, beside: figures };
  } finally {
    await Promise.all([gateway.stop(), control.stop()]);
    await limit.delete();
  }
}

async function strike(seed: Seed): Promise<Finding> {
  const attacker = Attacker.start(seed);
  await attacker.ready;
  const finding = await attacker.strike();
  await attacker.ended();
  return finding;
}

/** The process that attacks. It waits for an order when it is ready. */
class Attacker {
  readonly ready: Promise<unknown>;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #seconds: number;

  private constructor(child: ChildProcess, seed: Seed) {
    this.#child = child;
    this.#seconds = seed.seconds;
    this.#exited = once(child, 'exit');
    this.ready = this.#next();
    child.send(seed);
  }

  static start(seed: Seed): Attacker {
    return new Attacker(start('attacker.ts'), seed);
  }

  async strike(): Promise<Finding> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#seconds * 1000 + GRACE_MS);
    if (this.#child.connected) this.#child.send('strike');
    const told = v.safeParse(FINDING, await this.#next());
    // How it cleans up is of no interest to the bystanders.
    void this.#exited.then(() => clearTimeout(timer));
    return told.success ? told.output : { figures: '', broken: ['the attack ends in its time'] };
  }

  ended(): Promise<unknown> {
    return this.#exited;
  }

  async #next(): Promise<unknown> {
    const [message]: unknown[] = await Promise.race([once(this.#child, 'message'), this.#exited.then(() => [])]);
    return message;
  }
}

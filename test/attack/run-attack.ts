import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { Broker } from '../../wrangler-free-local/broker.ts';
import { quantile } from '../bench/clients.ts';
import { readOut } from '../chaos/read-out.ts';
import { portsOf, Topology, type User } from '../support/topology.ts';
import type { Attack, Finding } from './attack-contract.ts';
import { AttackedGateway } from './support/attacked-gateway.ts';
import { Bystanders, type Of, type Seen, start } from './support/bystanders.ts';
import { LIMIT_BYTES, limitMemory, type MemoryLimit } from './support/memory-limit.ts';
import type { Seed } from './support/world.ts';

export const MIN_RATE_KEPT = 0.8;
export const MAX_P99_MS = 100;

const WARM_UP_MS = 2_500;
const BEFORE_MS = 2_000;
const HONEST_USERS = 4;
/** How long an attack may take beyond its time before its process is ended. */
const GRACE_MS = 60_000;

const FINDING = v.object({ figures: v.string(), broken: v.array(v.string()) });

/** What the bystanders of an attack saw. */
export interface Beside {
  /** Confirmed posts a second, before and during the attack. */
  readonly before: number;
  readonly during: number;
  /** Honest posts of the whole run, and those that were answered by something else than 204. */
  readonly posts: number;
  readonly refused: readonly string[];
  /** Answered 204, and in no queue. */
  readonly lost: number;
  /** Confirmed posts a second during the attack, of the gateway that is not attacked. */
  readonly control: number;
  /** Milliseconds until /healthz answered during the attack. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** The same of the gateway that is not attacked. */
  readonly controlP99: number;
  readonly peakBytes: number;
  readonly kills: number;
  readonly replaced: number;
}

export interface Row {
  readonly attack: Attack;
  readonly figures: string;
  readonly broken: readonly string[];
  readonly beside: Beside | undefined;
}

export interface RunOptions {
  readonly seconds: number;
  readonly fuzzedConnections: number;
}

/** One attack on a fresh gateway, with honest clients before, during and after it. */
export async function runAttack(
  attack: Attack,
  broker: Broker,
  control: AttackedGateway,
  options: RunOptions,
): Promise<Row> {
  const topology = await Topology.create(portsOf(broker), `attack ${attack.name}`);
  await topology.exchangeWithQueue('honest', 'honest');
  const users: User[] = [];
  for (let n = 0; n < HONEST_USERS; n += 1)
    users.push(await topology.addUser({ username: `honest-${n}`, password: `honest-${n}-secret` }));
  const [victim = topology.user] = users;
  const { vhost, broker: ports } = topology;
  const seconds = attack.seconds ?? options.seconds;
  const seed = { ...options, seconds, attack: attack.name, broker: ports, nodename: broker.nodename, vhost, victim };
  try {
    return attack.alone
      ? { attack, ...(await strike(seed)), beside: undefined }
      : await beside(attack, seed, { topology, users, control });
  } finally {
    await topology.delete();
  }
}

interface Scene {
  readonly topology: Topology;
  readonly users: readonly User[];
  readonly control: AttackedGateway;
}

async function beside(attack: Attack, seed: Seed, { topology, users, control }: Scene): Promise<Row> {
  const limit = limitMemory(`statelessd-attack-${process.pid}`, LIMIT_BYTES);
  const gateway = await AttackedGateway.start({ ...attack.gateway, broker: topology.broker, limit });
  try {
    const pids = gateway.backends;
    const { port, pid, log } = gateway;
    const who = { attacked: port, control: control.port, segment: topology.segment, users: [...users] };
    const attacker = Attacker.start({ ...seed, gateway: { port, pid, log } });
    const bystanders = await Bystanders.start(who);
    await attacker.ready;
    await delay(WARM_UP_MS);
    const spans = [Date.now()];
    await delay(BEFORE_MS);
    spans.push(Date.now());
    const finding = await attacker.strike();
    spans.push(Date.now());
    const seen = await bystanders.stop();
    await attacker.ended();
    const found = await readOut(topology.broker, [{ vhost: topology.vhost, queue: 'honest' }]);
    const survived = gateway.backends.filter((backend) => pids.includes(backend)).length;
    const replaced = attack.rolls ? 0 : pids.length - survived;
    const figures = figuresOf(seen, found, spans, limit, replaced);
    const lived = gateway.hasEnded ? ['the gateway lives'] : [];
    const broken = [...finding.broken, ...lived, ...brokenBeside(figures)];
    return { attack, figures: finding.figures, broken, beside: figures };
  } finally {
    await gateway.stop();
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

function figuresOf(
  { posts, probes }: Seen,
  found: ReadonlyMap<string, number>,
  [warm = 0, begin = 0, end = 0]: readonly number[],
  limit: MemoryLimit,
  replaced: number,
): Beside {
  const confirmed = posts.filter(({ status }) => status === 204);
  const rate = (of: Of, from: number, to: number): number => {
    const within = confirmed.filter((post) => {
      const answeredAt = post.at + post.milliseconds;
      return post.of === of && answeredAt >= from && answeredAt < to;
    });
    return (1000 * within.length) / (to - from);
  };
  const during = probes.filter(({ at }) => at >= begin && at < end);
  const times = (of: Of): number[] => during.filter((probe) => probe.of === of).map(({ milliseconds }) => milliseconds);
  const health = times('attacked');
  const attacked = posts.filter(({ of }) => of === 'attacked');
  const refused = attacked.filter(({ status }) => status !== 204);
  return {
    before: rate('attacked', warm, begin),
    during: rate('attacked', begin, end),
    control: rate('control', begin, end),
    posts: attacked.length,
    refused: refused.map(({ status, error }) => `${status} ${error}`.trim()),
    lost: confirmed.filter(({ id }) => !found.has(id)).length,
    p50: quantile(health, 0.5),
    p99: quantile(health, 0.99),
    max: Math.max(...health),
    controlP99: quantile(times('control'), 0.99),
    peakBytes: limit.peak(),
    kills: limit.kills(),
    replaced,
  };
}

/** What holds for all attacks, and did not. */
function brokenBeside({ before, during, control, refused, lost, p99, controlP99, kills, replaced }: Beside): string[] {
  const others = [...new Set(refused)].slice(0, 3).join('; ');
  const conditions: Record<string, boolean> = {
    'no process is killed for want of memory': kills === 0,
    'no backend dies': replaced === 0,
    // Load generators, broker and gateways share the machine: what all of them lose is not the gateway's fault.
    'honest clients keep 80 % of their rate': during >= MIN_RATE_KEPT * Math.min(before, control),
    [`honest posts are all 204 (${refused.length} were not: ${others})`]: refused.length === 0,
    [`what was answered 204 is in the queue (${lost} are not)`]: lost === 0,
    '/healthz answers within 100 ms (p99)': p99 < MAX_P99_MS + controlP99,
  };
  return Object.entries(conditions).flatMap(([promise, holds]) => (holds ? [] : [promise]));
}

import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { Broker } from '../../wrangler-free-local/broker.ts';
import { quantile } from '../bench/clients.ts';
import { readOut } from '../chaos/read-out.ts';
import { portsOf, Topology, type User } from '../support/topology.ts';
import type { Attack, Finding } from './attack-contract.ts';
import { AttackedGateway } from './support/attacked-gateway.ts';
import { Bystanders, type Seen, start } from './support/bystanders.ts';
import { LIMIT_BYTES, limitMemory, type MemoryLimit } from './support/memory-limit.ts';
import type { Seed } from './support/world.ts';

export const MIN_RATE_KEPT = 0.8;
export const MAX_P99_MS = 100;

const WARM_UP_MS = 1_500;
const BEFORE_MS = 2_500;
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
  /** Milliseconds until /healthz answered during the attack, and of a server that had nothing else to do. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly yardstickP99: number;
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
export async function runAttack(attack: Attack, broker: Broker, options: RunOptions): Promise<Row> {
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
      : await beside(attack, seed, topology, users);
  } finally {
    await topology.delete();
  }
}

async function beside(attack: Attack, seed: Seed, topology: Topology, users: readonly User[]): Promise<Row> {
  const limit = limitMemory(`statelessd-attack-${process.pid}`, LIMIT_BYTES);
  const gateway = await AttackedGateway.start({ ...attack.gateway, broker: topology.broker, limit });
  try {
    const pids = gateway.backends;
    const bystanders = await Bystanders.start({ port: gateway.port, segment: topology.segment, users: [...users] });
    await delay(WARM_UP_MS);
    const spans = [Date.now()];
    await delay(BEFORE_MS);
    spans.push(Date.now());
    const { port, pid, log } = gateway;
    const finding = await strike({ ...seed, gateway: { port, pid, log } }, (at) => spans.push(at));
    const seen = await bystanders.stop();
    const found = await readOut(topology.broker, [{ vhost: topology.vhost, queue: 'honest' }]);
    const survived = gateway.backends.filter((backend) => pids.includes(backend)).length;
    const replaced = attack.rolls ? 0 : pids.length - survived;
    const figures = figuresOf(seen, found, spans, limit, replaced);
    const lived = gateway.hasEnded ? ['the gateway lives'] : [];
    return {
      attack,
      figures: finding.figures,
      broken: [...finding.broken, ...lived, ...brokenBeside(figures)],
      beside: figures,
    };
  } finally {
    await gateway.stop();
    await limit.delete();
  }
}

/** Has the attacker's process do it; tells when it began and when it had ended. */
async function strike(seed: Seed, mark: (at: number) => void = () => {}): Promise<Finding> {
  const attacker = start('attacker.ts');
  const exited = once(attacker, 'exit');
  const timer = setTimeout(() => attacker.kill('SIGKILL'), seed.seconds * 1000 + GRACE_MS);
  const next = async (): Promise<unknown> => (await Promise.race([once(attacker, 'message'), exited]))[0];
  attacker.send(seed);
  await next();
  mark(Date.now());
  const told = v.safeParse(FINDING, await next());
  mark(Date.now());
  await exited;
  clearTimeout(timer);
  return told.success ? told.output : { figures: '', broken: ['the attack ends in its time'] };
}

function figuresOf(
  { posts, probes }: Seen,
  found: ReadonlyMap<string, number>,
  [warm = 0, ready = 0, from = 0, to = 0]: readonly number[],
  limit: MemoryLimit,
  replaced: number,
): Beside {
  const confirmed = posts.filter(({ status }) => status === 204);
  const rate = (begin: number, end: number): number => {
    const within = confirmed.filter(({ at, milliseconds }) => at + milliseconds >= begin && at + milliseconds < end);
    return (1000 * within.length) / (end - begin);
  };
  const during = probes.filter(({ at }) => at >= from && at < to);
  const times = (of: string): number[] =>
    during.filter((probe) => probe.of === of).map(({ milliseconds }) => milliseconds);
  const health = times('gateway');
  return {
    before: rate(warm, ready),
    during: rate(from, to),
    posts: posts.length,
    refused: posts.filter(({ status }) => status !== 204).map(({ status, error }) => `${status} ${error}`.trim()),
    lost: confirmed.filter(({ id }) => !found.has(id)).length,
    p50: quantile(health, 0.5),
    p99: quantile(health, 0.99),
    max: Math.max(...health),
    yardstickP99: quantile(times('yardstick'), 0.99),
    peakBytes: limit.peak(),
    kills: limit.kills(),
    replaced,
  };
}

/** What holds for all attacks, and did not. */
function brokenBeside({ before, during, refused, lost, p99, yardstickP99, kills, replaced }: Beside): string[] {
  const others = [...new Set(refused)].slice(0, 3).join('; ');
  const conditions: Record<string, boolean> = {
    'no process is killed for want of memory': kills === 0,
    'no backend dies': replaced === 0,
    'honest clients keep 80 % of their rate': during >= MIN_RATE_KEPT * before,
    [`honest posts are all 204 (${refused.length} were not: ${others})`]: refused.length === 0,
    [`what was answered 204 is in the queue (${lost} are not)`]: lost === 0,
    // What the machine itself makes everybody wait is not the gateway's.
    '/healthz answers within 100 ms (p99)': p99 < MAX_P99_MS + yardstickP99,
  };
  return Object.entries(conditions).flatMap(([promise, holds]) => (holds ? [] : [promise]));
}

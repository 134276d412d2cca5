import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { http } from '../support/http.ts';
import { backendsOf } from '../support/processes.ts';
import type { User } from '../support/topology.ts';
import type { Fault } from './fault.ts';
import { faults } from './faults.ts';
import { INNOCENT, isClean, judge, type Verdict } from './ledger.ts';
import { Load } from './load.ts';
import type { QueueRef } from './read-out.ts';
import { World } from './world.ts';
import { worlds } from './worlds.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly users?: number;
  readonly exchanges?: number;
  readonly log: (line: string) => void;
}

export interface Soak {
  readonly verdict: Verdict;
  /** What each figure was in the last quarter, as a multiple of what it was in the second. */
  readonly growth: Readonly<Record<string, number>>;
  readonly clean: boolean;
}

interface Sample {
  readonly rssKiB: number;
  readonly descriptors: number;
  readonly channels: number;
}

const SAMPLE_MS = 1_000;
const FAULT_EVERY_MS = 30_000;
const MAX_RSS_GROWTH = 1.1;

/** Faults after which everything is as it was, and which no client need be told of. */
const PASSING = ['kill -9', 'stop_app', 'SIGSTOP, short', 'connections closed', 'maintenance mode'];

export async function soak({ minutes, users = 200, exchanges = 50, log }: SoakOptions): Promise<Soak> {
  const world = await World.create(worlds.patient);
  const crowd: User[] = [];
  for (let n = 0; n < users; n += 1)
    crowd.push(await world.topology.addUser({ username: `soak${n}`, password: `p${n}` }));
  const queues: QueueRef[] = [];
  for (let n = 0; n < exchanges; n += 1) {
    await world.topology.exchangeWithQueue(`soak${n}`, `soak${n}`);
    queues.push({ vhost: world.topology.vhost, queue: `soak${n}` });
  }
  const load = new Load({
    ports: world.gateway.ports,
    clients: 80,
    shot: (n) => ({
      path: `/${world.topology.segment}/soak${n % exchanges}/k`,
      user: crowd[n % users] ?? world.topology.user,
      expectation: INNOCENT,
      fields: '&delivery_mode=2',
    }),
  });
  const samples: Sample[] = [];
  const passing = faults.filter(({ name }) => PASSING.includes(name));
  const endsAt = performance.now() + minutes * 60_000;
  let strikesAt = performance.now() + FAULT_EVERY_MS;
  while (performance.now() < endsAt) {
    await delay(SAMPLE_MS);
    samples.push(await sample(world));
    if (performance.now() < strikesAt) continue;
    strikesAt = performance.now() + FAULT_EVERY_MS;
    const fault: Fault | undefined = passing[Math.floor(Math.random() * passing.length)];
    log(`${load.entries.length} messages; now: ${fault?.what}`);
    await fault?.strike(world);
  }
  const entries = await load.stop();
  const verdict = judge(entries, await world.readOut(queues));
  await world.close();
  const growth = growthOf(samples);
  return { verdict, growth, clean: isClean(verdict) && (growth.rssKiB ?? 0) <= MAX_RSS_GROWTH };
}

async function sample(world: World): Promise<Sample> {
  const [backend] = backendsOf(world.gateway.pid);
  const pid = backend?.pid ?? 0;
  const rssKiB = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  const stats = JSON.parse((await http(world.gateway.port, '/stats', { method: 'GET' })).text);
  const entries: { channels: { opened: number; closed: number } }[] = Object.values(stats.connections);
  const channels = entries.reduce((sum, entry) => sum + entry.channels.opened - entry.channels.closed, 0);
  return { rssKiB, descriptors: readdirSync(`/proc/${pid}/fd`).length, channels };
}

function growthOf(samples: readonly Sample[]): Record<keyof Sample, number> {
  const quarter = Math.floor(samples.length / 4);
  const second = samples.slice(quarter, 2 * quarter);
  const last = samples.slice(3 * quarter);
  const ratio = (key: keyof Sample): number => median(last.map((s) => s[key])) / median(second.map((s) => s[key]));
  return { rssKiB: ratio('rssKiB'), descriptors: ratio('descriptors'), channels: ratio('channels') };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

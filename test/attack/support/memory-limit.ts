import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, statusOf } from '../../support/processes.ts';

/** config/kubernetes.yaml's limit. */
export const LIMIT_BYTES = 512 * 2 ** 20;

/** A bound on the memory of a few processes, and what became of it. */
export interface MemoryLimit {
  /** How it is kept, for the report. */
  readonly kind: string;
  /** A line for a shell that is to become the first process inside. */
  readonly join: string;
  /** The most that there was, in bytes. */
  peak(): number;
  /** How often the kernel killed a process for it; where it is only watched, how often it would have. */
  kills(): number;
  /** Where the limit is only watched: whose memory and whose children's. */
  watch?(root: number): void;
  /** The processes inside. */
  pids(): number[];
  /** Once they have ended. */
  delete(): Promise<void>;
}

/** Tenths of a second in which processes end by themselves. */
const PATIENCE = 100;

const V1 = '/sys/fs/cgroup/memory';
const V2 = '/sys/fs/cgroup';

/** A cgroup where one can be made; else a watcher, which cannot keep the limit. */
export function limitMemory(name: string, bytes: number): MemoryLimit {
  return cgroupV1(name, bytes) ?? cgroupV2(name, bytes) ?? new Watcher(bytes);
}

const STEM = 'statelessd-attack-';

/** What the names of a program's limits begin with. */
export const limitsOf = (pid: number): string => `${STEM}${pid}`;

/** Deletes what a program of ours has left that was killed. */
export const sweepAbandoned = (): Promise<void> =>
  sweepLimits(STEM, (name) => !isAlive(Number.parseInt(name.slice(STEM.length), 10)));

/** Ends what is left in the limits whose names begin so, and deletes them: a process that made one may have crashed. */
export async function sweepLimits(prefix: string, isMeant: (name: string) => boolean = () => true): Promise<void> {
  for (const parent of [V1, `${V2}${ownCgroup() ?? ''}`]) {
    const all = existsSync(parent) ? readdirSync(parent) : [];
    const names = all.filter((name) => name.startsWith(prefix) && isMeant(name));
    for (const name of names) await new Cgroup('', `${parent}/${name}`, '', '').delete(0);
  }
}

/** The own one in the hierarchy of version 2. */
function ownCgroup(): string | undefined {
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  return path === '/' ? '' : path;
}

function cgroupV1(name: string, bytes: number): MemoryLimit | undefined {
  const directory = `${V1}/${name}`;
  if (!existsSync(`${V1}/memory.limit_in_bytes`)) return undefined;
  return attempt(directory, () => {
    writeFileSync(`${directory}/memory.limit_in_bytes`, String(bytes));
    return new Cgroup('a cgroup (v1)', directory, 'memory.max_usage_in_bytes', 'memory.oom_control');
  });
}

function cgroupV2(name: string, bytes: number): MemoryLimit | undefined {
  const own = ownCgroup();
  if (own === undefined || !existsSync(`${V2}/cgroup.controllers`)) return undefined;
  const parent = `${V2}${own}`;
  const directory = `${parent}/${name}`;
  return attempt(directory, () => {
    if (!existsSync(`${directory}/memory.max`)) writeFileSync(`${parent}/cgroup.subtree_control`, '+memory');
    writeFileSync(`${directory}/memory.max`, String(bytes));
    return new Cgroup('a cgroup (v2)', directory, 'memory.peak', 'memory.events');
  });
}

function attempt(directory: string, make: () => MemoryLimit): MemoryLimit | undefined {
  try {
    mkdirSync(directory);
  } catch {
    return undefined;
  }
  try {
    return make();
  } catch {
    rmdirSync(directory);
    return undefined;
  }
}

class Cgroup implements MemoryLimit {
  readonly kind: string;
  readonly #directory: string;
  readonly #peak: string;
  readonly #events: string;

  constructor(kind: string, directory: string, peak: string, events: string) {
    this.kind = kind;
    this.#directory = directory;
    this.#peak = peak;
    this.#events = events;
  }

  get join(): string {
    return `echo $$ > ${this.#directory}/cgroup.procs`;
  }

  peak(): number {
    // Linux before 5.19 has no memory.peak.
    return existsSync(`${this.#directory}/${this.#peak}`) ? Number(this.#read(this.#peak)) : Number.NaN;
  }

  kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.#read(this.#events))?.[1] ?? 0);
  }

  pids(): number[] {
    if (!existsSync(this.#directory)) return [];
    return this.#read('cgroup.procs').split('\n').filter(Boolean).map(Number);
  }

  async delete(patience = PATIENCE): Promise<void> {
    for (let waited = 0; this.pids().length > 0; waited += 1) {
      if (waited >= patience) for (const pid of this.pids()) process.kill(pid, 'SIGKILL');
      await delay(100);
    }
    for (let failed = 0; existsSync(this.#directory); failed += 1) {
      try {
        rmdirSync(this.#directory);
      } catch (error) {
        // It is busy for a moment after the last process has ended.
        if (failed === 50) throw error;
        await delay(100);
      }
    }
  }

  #read(file: string): string {
    return readFileSync(`${this.#directory}/${file}`, 'utf8');
  }
}

const WATCH_MS = 100;

/** Adds up what the processes have resident. It begins with the shell that writes its pid to a file of its own. */
class Watcher implements MemoryLimit {
  readonly kind = 'a watcher, for no cgroup can be made here: nothing keeps the limit';
  readonly join = ':';
  readonly #limit: number;
  readonly #timer: NodeJS.Timeout;
  #root: number | undefined;
  #peak = 0;
  #over = false;
  #kills = 0;

  constructor(limit: number) {
    this.#limit = limit;
    this.#timer = setInterval(() => this.#watch(), WATCH_MS);
  }

  watch(root: number): void {
    this.#root = root;
  }

  peak(): number {
    return this.#peak;
  }

  kills(): number {
    return this.#kills;
  }

  pids(): number[] {
    return this.#root === undefined ? [] : [this.#root, ...childPids(this.#root)];
  }

  async delete(): Promise<void> {
    clearInterval(this.#timer);
  }

  #watch(): void {
    const resident = this.pids().map((pid) => 1024 * Number.parseInt(statusOf(pid).VmRSS ?? '0', 10));
    const sum = resident.reduce((total, bytes) => total + bytes, 0);
    this.#peak = Math.max(this.#peak, sum);
    if (sum > this.#limit && !this.#over) this.#kills += 1;
    this.#over = sum > this.#limit;
  }
}

function childPids(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, 'utf8').split(' ').filter(Boolean).map(Number) : [];
}

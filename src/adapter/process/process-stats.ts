import { readFileSync } from 'node:fs';
import type { BackendStats } from '../../handler/stats.ts';

export interface AnswerCount {
  readonly method: string;
  readonly status: number;
  readonly count: number;
}

/** Counts answers by method and status. */
export class RequestCounters {
  readonly #byMethod = new Map<string, Map<number, number>>();
  #processingSeconds = 0;

  add(method: string, status: number, milliseconds: number): void {
    const byStatus = this.#byMethod.get(method) ?? new Map<number, number>();
    if (byStatus.size === 0) this.#byMethod.set(method, byStatus);
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
    this.#processingSeconds += milliseconds / 1000;
  }

  get answers(): AnswerCount[] {
    return [...this.#byMethod].flatMap(([method, byStatus]) =>
      [...byStatus].map(([status, count]) => ({ method, status, count })),
    );
  }

  /** As the 2013 program had it in /stats' `requests`. */
  snapshot(): Record<string, number> {
    const requests: Record<string, number> = {};
    for (const { method, status, count } of this.answers)
      for (const key of [`method.${method}`, `response.${status}`]) requests[key] = (requests[key] ?? 0) + count;
    return { ...requests, processing_time: this.#processingSeconds };
  }
}

type ProcessStats = Pick<
  BackendStats,
  | 'block'
  | 'context_switches'
  | 'cpu_time'
  | 'memory_usage'
  | 'page_faults'
  | 'page_size'
  | 'pid'
  | 'resident_memory'
  | 'signals_received'
  | 'swap_outs'
  | 'timestamp'
  | 'uptime'
>;

/** The keys and units of 2013, which were those of getrusage(2): memory in KiB, times in seconds. */
export function processStats(): ProcessStats {
  const usage = process.resourceUsage();
  return {
    block: { input: usage.fsRead, output: usage.fsWrite },
    context_switches: usage.voluntaryContextSwitches + usage.involuntaryContextSwitches,
    cpu_time: {
      system: usage.systemCPUTime / 1e6,
      user: usage.userCPUTime / 1e6,
    },
    memory_usage: usage.maxRSS,
    page_faults: { major: usage.majorPageFault, minor: usage.minorPageFault },
    page_size: PAGE_SIZE,
    pid: process.pid,
    resident_memory: residentMemory() ?? usage.maxRSS,
    signals_received: usage.signalsCount,
    swap_outs: usage.swappedOut,
    timestamp: Math.floor(Date.now() / 1000),
    uptime: process.uptime(),
  };
}

/** In KiB. Undefined where all descriptors are in use, and /proc cannot be read. */
function residentMemory(): number | undefined {
  try {
    return Math.round(process.memoryUsage.rss() / 1024);
  } catch {
    return undefined;
  }
}

const AT_PAGESZ = 6n;
const PAGE_SIZE = readPageSize();

/** From the auxiliary vector (getauxval(3)); where there is none, what is most common. */
function readPageSize(): number {
  try {
    const vector = readFileSync('/proc/self/auxv');
    for (let offset = 0; offset + 16 <= vector.length; offset += 16)
      if (vector.readBigUInt64LE(offset) === AT_PAGESZ) return Number(vector.readBigUInt64LE(offset + 8));
  } catch {
    // Not Linux.
  }
  return 4096;
}

import { readFileSync } from 'node:fs';

/** Counts answers as the 2013 program did, for /stats' `requests`. */
export class RequestCounters {
  readonly #counts = new Map<string, number>();
  #processingSeconds = 0;

  add(method: string, status: number, milliseconds: number): void {
    this.#increment(`method.${method}`);
    this.#increment(`response.${status}`);
    this.#processingSeconds += milliseconds / 1000;
  }

  snapshot(): Record<string, number> {
    return {
      ...Object.fromEntries(this.#counts),
      processing_time: this.#processingSeconds,
    };
  }

  #increment(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }
}

/** The keys and units of 2013, which were those of getrusage(2): memory in KiB, times in seconds. */
export function processStats(): Record<string, unknown> {
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
    signals_received: usage.signalsCount,
    swap_outs: usage.swappedOut,
    timestamp: Math.floor(Date.now() / 1000),
    uptime: process.uptime(),
  };
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

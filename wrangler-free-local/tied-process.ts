import { type SpawnOptions, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child process that ends when this process does, however this one ends. */
export interface TiedProcess {
  readonly pid: number;
  /** Its standard input, where that is a pipe. */
  readonly stdin: Writable | null;
  /** Resolves when the process has ended; never rejects. */
  readonly ended: Promise<Ending>;
  isRunning(): boolean;
  /** Sends a signal, if the process still runs. */
  signal(name: NodeJS.Signals): void;
  /** Sends `name`, unless it has been told otherwise, waits `graceMs` for the end, then kills. */
  end(name: NodeJS.Signals | undefined, graceMs: number): Promise<Ending>;
}

/** What the kernel sends a tied process when its owner dies. */
export type LastSignal = 'SIGKILL' | 'SIGTERM';

/**
 * A command that becomes the given one, and ends with the thread that starts it. setpriv (util-linux) sets PR_SET_PDEATHSIG
 * and becomes the command by exec: the pid stays. It is Linux only; elsewhere an owner's clean end still stops everything.
 */
export const tiedCommand = (command: readonly string[], lastSignal: LastSignal): readonly string[] =>
  process.platform === 'linux' ? ['setpriv', '--pdeathsig', lastSignal.slice(3), '--', ...command] : command;

/**
 * Starts a process in a session of its own, so that a terminal's Ctrl-C reaches its owner only, and has the kernel end it
 * when the thread that started it is gone: a `kill -9` of the owner leaves nothing behind.
 */
export async function startTied(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly lastSignal?: LastSignal } = {},
): Promise<TiedProcess> {
  const { lastSignal = 'SIGKILL', ...spawnOptions } = options;
  const line = tiedCommand([command, ...args], lastSignal);
  const child = spawn(line[0] ?? command, line.slice(1), { ...spawnOptions, detached: true });
  const ended = new Promise<Ending>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.on('error', () => {});
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} has no pid`);

  const isRunning = () => child.exitCode === null && child.signalCode === null;
  // child.kill() and not process.kill(): it knows when the pid is no longer ours.
  const signal = (name: NodeJS.Signals) => void child.kill(name);
  return {
    pid,
    stdin: child.stdin,
    ended,
    isRunning,
    signal,
    async end(name, graceMs) {
      if (name !== undefined) signal(name);
      const timer = setTimeout(() => signal('SIGKILL'), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

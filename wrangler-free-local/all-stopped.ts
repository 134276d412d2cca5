import { readdirSync, readFileSync } from 'node:fs';

/** A thread on another core runs on for some milliseconds, and for longer on a busy machine. */
const MAX_MS = 5_000;

/** Waits until all threads of a process that was sent SIGSTOP have stopped: kill(2) returns before. Without /proc, at once. */
export function waitUntilStopped(pid: number): void {
  const until = performance.now() + MAX_MS;
  while (performance.now() < until && threadsOf(pid).some(isRunning));
}

function threadsOf(pid: number): string[] {
  const folder = `/proc/${pid}/task`;
  try {
    return readdirSync(folder).map((thread) => `${folder}/${thread}`);
  } catch {
    return [];
  }
}

/** The state follows the name, which is in parentheses: proc_pid_stat(5). */
function isRunning(thread: string): boolean {
  try {
    return !/\) T [^)]*$/.test(readFileSync(`${thread}/stat`, 'utf8'));
  } catch {
    // It has ended.
    return false;
  }
}

import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** A process as /proc shows it. */
export interface Process {
  readonly pid: number;
  readonly title: string;
}

/** The backends of a supervisor, by its pid. One that is only being started has no title of its own yet. */
export function backendsOf(supervisor: number): Process[] {
  return childrenOf(supervisor).filter(({ title }) => title.startsWith('statelessd: backend '));
}

/** The backends on a port, in no order. */
export function backendsOn(supervisor: number, port: number | string): Process[] {
  return backendsOf(supervisor).filter(({ title }) => title === `statelessd: backend ${port}`);
}

/** The one backend on a port. */
export function backendOn(supervisor: number, port: number): Process {
  const [backend, ...others] = backendsOn(supervisor, port);
  if (!backend || others.length > 0) throw new Error(`expected one backend on port ${port}`);
  return backend;
}

export function childrenOf(parent: number): Process[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((name) => {
    const pid = Number(name);
    return statusOf(pid).PPid === String(parent) ? [{ pid, title: titleOf(pid) }] : [];
  });
}

/** The lines of /proc/PID/status; none for a process that has ended. */
export function statusOf(pid: number): Readonly<Record<string, string>> {
  const lines = read(`/proc/${pid}/status`).split('\n');
  const status = Object.fromEntries(lines.map((line) => [line.split(':')[0] ?? '', line.replace(/^[^:]*:\s*/, '')]));
  return status.State?.startsWith('Z') ? {} : status;
}

export const isAlive = (pid: number): boolean => statusOf(pid).Pid === String(pid);

/** Waits for the end of a process that is no child of this one. */
export const ended = (pid: number): Promise<void> =>
  expect.poll(() => isAlive(pid), { timeout: 20_000, message: `process ${pid} lives on` }).toBe(false);

const titleOf = (pid: number): string => read(`/proc/${pid}/cmdline`).split('\0')[0] ?? '';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has ended since its directory was listed.
    return '';
  }
}

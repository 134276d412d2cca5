import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export type PidfileOutcome = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Writes the process id to a file, unless the one that stands there is of a statelessd that lives. */
export function writePidfile(path: string): PidfileOutcome {
  try {
    const holder = holderOf(path);
    if (holder !== undefined) return { ok: false, reason: `process ${holder} runs already, says ${path}` };
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${process.pid}\n`);
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

export function removePidfile(path: string): void {
  if (readPid(path) === process.pid) rmSync(path, { force: true });
}

/** A process id may belong to another program by now, so the process is asked what it is. */
function holderOf(path: string): number | undefined {
  const pid = readPid(path);
  if (pid === undefined || pid === process.pid) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return undefined;
  }
  const command = readText(`/proc/${pid}/cmdline`);
  return command === undefined || command.includes('statelessd') ? pid : undefined;
}

function readPid(path: string): number | undefined {
  const pid = Number(readText(path) ?? Number.NaN);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

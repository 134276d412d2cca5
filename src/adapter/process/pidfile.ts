import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

export type PidfileOutcome =
  | { readonly ok: true; readonly pidfile: Pidfile }
  | { readonly ok: false; readonly reason: string };

const { O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/**
 * A file that names this process. It stays open for as long as it counts: a process with the number in the file may be
 * another program by now, but only a statelessd that lives has this very file open.
 */
export class Pidfile {
  readonly path: string;
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Writes it, unless the one that is there belongs to a statelessd that lives. */
  static write(path: string): PidfileOutcome {
    try {
      const problem = problemOf(path);
      if (problem !== undefined) return { ok: false, reason: `cannot write ${path}: ${problem}` };
      const holder = holderOf(path);
      if (holder !== undefined) return { ok: false, reason: `process ${holder} runs already, says ${path}` };
      mkdirSync(dirname(path), { recursive: true });
      return { ok: true, pidfile: new Pidfile(path, write(path, `${process.pid}\n`)) };
    } catch (error) {
      return { ok: false, reason: `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  remove(): void {
    if (readPid(this.path) === process.pid) rmSync(this.path, { force: true });
    closeSync(this.#fd);
  }
}

/** What is no file is nobody's pidfile, and a link may lead to a file of anybody's. */
export function problemOf(path: string): string | undefined {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return undefined;
  if (found.isSymbolicLink()) return 'this is a symbolic link';
  return found.isDirectory() ? 'this is a directory' : 'this is no regular file';
}

/** Where others may write in the directory, a link in its place could lead anywhere, so none is followed. */
function write(path: string, text: string): number {
  const fd = openSync(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
  const found = fstatSync(fd);
  if (!found.isFile() || found.nlink > 1) {
    closeSync(fd);
    throw new Error('this is no file of its own');
  }
  ftruncateSync(fd);
  writeSync(fd, text);
  return fd;
}

function holderOf(path: string): number | undefined {
  const pid = readPid(path);
  if (pid === undefined || pid === process.pid) return undefined;
  return (holds(pid, path) ?? isTitled(pid)) ? pid : undefined;
}

/** Whether a process has a file open. Undefined where this user is not told. */
function holds(pid: number, path: string): boolean | undefined {
  const folder = `/proc/${pid}/fd`;
  try {
    const file = statSync(path);
    return readdirSync(folder).some((name) => {
      const open = statSync(`${folder}/${name}`, { throwIfNoEntry: false });
      return open?.dev === file.dev && open.ino === file.ino;
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' ? false : undefined;
  }
}

/** As program.ts names it; a title is cut where the command was shorter. */
const TITLE = 'statelessd: supervisor';
const SHORTEST = 'statelessd';

function isTitled(pid: number): boolean {
  const [title = ''] = readText(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
  return title.startsWith(SHORTEST) && TITLE.startsWith(title);
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

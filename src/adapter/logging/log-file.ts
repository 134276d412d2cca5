import { constants, fchownSync, fstatSync, ftruncateSync, lstatSync, openSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf } from './outlet.ts';

/** Whose a file shall be that a process of root's makes. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/** Without waiting for somebody to read, if it is a named pipe. */
const APPENDING = O_WRONLY | O_APPEND | O_NONBLOCK;

/** Opens a file for appending. Where there is none it is made, and given to whoever shall write it later. */
export function openFile(path: string, owner: Owner | undefined, truncate = false): number {
  const fd = owner === undefined ? openSync(path, APPENDING | O_CREAT) : openFor(owner, path);
  if (truncate && fstatSync(fd).isFile()) ftruncateSync(fd);
  return fd;
}

/**
 * Whoever may write in the directory could lay a link there to a file of root's. So root opens the file as the one whose
 * it shall be, with the rights of that one. What those do not reach, such as a new file in /var/log, root opens itself, if
 * nobody else can change the way to it.
 */
function openFor(owner: Owner, path: string): number {
  try {
    return as(owner, () => openSync(path, APPENDING | O_CREAT));
  } catch (error) {
    if (codeOf(error) !== 'EACCES' || !isRootsAlone(dirname(path))) throw error;
  }
  try {
    const fd = openSync(path, APPENDING | O_CREAT | O_EXCL);
    fchownSync(fd, owner.uid, owner.gid);
    return fd;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return openSync(path, APPENDING | O_NOFOLLOW);
  }
}

/** Does something with the rights of another user, and takes its own back. The call must be synchronous. */
function as<Result>({ uid, gid, groups }: Owner, act: () => Result): Result {
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, groups: process.getgroups?.() ?? [] };
  try {
    process.setgroups?.([...groups]);
    process.setegid?.(gid);
    process.seteuid?.(uid);
    return act();
  } finally {
    process.seteuid?.(own.uid);
    process.setegid?.(own.gid);
    process.setgroups?.(own.groups);
  }
}

/** Whether nobody but root can change what a directory's path leads to, or what is in it. */
function isRootsAlone(directory: string): boolean {
  if (realpathSync(directory) !== directory) return false;
  for (let path = directory, isLast = true; ; path = dirname(path), isLast = false) {
    const { uid, mode } = lstatSync(path);
    // In a sticky directory, such as /tmp, nobody can take away what is root's.
    const isOthers = (mode & 0o022) !== 0 && (isLast || (mode & 0o1000) === 0);
    if (uid !== 0 || isOthers) return false;
    if (path === '/') return true;
  }
}

import { closeSync, fstatSync, openSync, readlinkSync, statSync } from 'node:fs';

/** Files that standard output and error went to when the program began: the kernel's name for them follows a move. */
const FILES = [1, 2].flatMap((fd) => {
  try {
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    return fstatSync(fd).isFile() && statSync(path).ino === fstatSync(fd).ino ? [{ fd, path }] : [];
  } catch {
    return [];
  }
});

/**
 * Opens standard output and error again where they are files that have been moved, as `2>>file` and systemd's `append:`
 * make them and logrotate(8) moves them. Node has no dup2(2), but a new descriptor is the lowest that is free. No other
 * thread may open anything meanwhile, which holds in the supervisor.
 */
export function reopenStandardStreams(): void {
  for (const { fd, path } of FILES) {
    try {
      const there = statSync(path, { throwIfNoEntry: false });
      const ours = fstatSync(fd);
      if (there?.ino === ours.ino && there.dev === ours.dev) continue;
      // First, for nothing is closed unless there is something to take its place.
      const fresh = openSync(path, 'a');
      closeSync(fd);
      openSync(`/proc/self/fd/${fresh}`, 'a');
      closeSync(fresh);
    } catch {
      // The file in use is better than none.
    }
  }
}

import { writeSync } from 'node:fs';
import { codeOf } from './outlet.ts';

const FULL_MS = 5;

/**
 * Writes all of it, and waits for a reader that is behind.
 *
 * @param until when to give up on that reader, in milliseconds of the monotonic clock
 * @returns false where the rest cannot be written: a reader such as head(1) may have had enough
 */
export function writeWhole(fd: number, bytes: Buffer, until = Number.POSITIVE_INFINITY): boolean {
  let rest = bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN' || performance.now() > until) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_MS);
    }
  }
  return true;
}

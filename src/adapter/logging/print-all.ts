import { writeSync } from 'node:fs';
import { codeOf } from './outlet.ts';

const FULL_MS = 10;

/** Prints a text, and waits for whoever reads it. One that reads only its beginning, as head(1) does, has had enough. */
export function printAll(text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') return;
      // A pipe that another program has made non-blocking.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_MS);
    }
  }
}

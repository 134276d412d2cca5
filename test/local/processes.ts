import { readdirSync, readFileSync } from 'node:fs';
import { pollUntil } from '../../wrangler-free-local/poll.ts';

/** The processes whose environment or command line holds these words, such as the directory of a broker. */
export function processesWith(words: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => [`/proc/${pid}/environ`, `/proc/${pid}/cmdline`].some((file) => read(file).includes(words)))
    .map(Number);
}

/** Waits until none of them is left. */
export function allGone(words: string): Promise<boolean> {
  return pollUntil(async () => processesWith(words).length === 0, { withinMs: 10_000 });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    // It has ended in between, or is another user's.
    return '';
  }
}

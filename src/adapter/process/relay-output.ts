import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { StandardOutput, StandardOutputs } from '../logging/standard-output.ts';

const LINE_FEED = 10;

/** What has no line's end so soon is passed on as it is. */
const UNENDED_MS = 200;

/** A longer line, too. */
const MAX_LINE_BYTES = 64 * 1024;

/**
 * Writes what a child says where this process writes. What is read is never held back: a child that had to wait for the
 * reader of our output would serve nobody meanwhile. The lines of several children stay whole.
 */
export function relayOutput(child: ChildProcess, { stdout, stderr }: StandardOutputs): void {
  if (child.stdout) relay(child.stdout, stdout);
  if (child.stderr) relay(child.stderr, stderr);
}

function relay(from: Readable, to: StandardOutput): void {
  let unended: Buffer[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const pass = (lines: Buffer): void => {
    if (lines.length > 0) to.write(lines, linesIn(lines));
  };
  const passUnended = (): void => {
    clearTimeout(timer);
    pass(Buffer.concat(unended));
    unended = [];
    bytes = 0;
  };
  from.on('data', (chunk: Buffer) => {
    clearTimeout(timer);
    const end = chunk.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      unended.push(chunk.subarray(0, end));
      passUnended();
    }
    const rest = chunk.subarray(end);
    if (rest.length === 0) return;
    // A copy: the chunk is much larger.
    unended.push(Buffer.from(rest));
    bytes += rest.length;
    if (bytes > MAX_LINE_BYTES) passUnended();
    else timer = setTimeout(passUnended, UNENDED_MS);
  });
  from.on('end', passUnended);
  from.on('error', () => {});
}

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines += 1;
  return Math.max(1, lines);
}

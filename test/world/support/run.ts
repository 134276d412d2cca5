import { type ExecFileException, execFile } from 'node:child_process';

export interface Outcome {
  readonly code: ExecFileException['code'];
  readonly stdout: string;
  readonly stderr: string;
}

// No client here needs a tenth of it; a client that waits for ever fails.
const TIMEOUT_MS = 60_000;

/** Runs a program to its end, whatever that is. */
export function run(command: string, args: readonly string[], input: string | Uint8Array = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, env: { ...process.env, LC_ALL: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' } };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? `${error.signal}`) : 0, stdout, stderr });
    });
    // A program that does not read all of it says so by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

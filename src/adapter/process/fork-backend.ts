import { type ChildProcess, fork } from 'node:child_process';

/**
 * MiB of young heap, as in Node 20. Later versions take more, and a burst of requests then leaves 100 MB of garbage
 * behind.
 */
const V8_OPTIONS = ['--max-semi-space-size=16'];

/** Starts a process that becomes a backend when it is told which one. */
export function forkBackend(program: string): ChildProcess {
  const child = fork(program, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [...process.execArgv, ...V8_OPTIONS],
  });
  // Who uses it finds out what is wrong with it.
  child.on('error', () => {});
  return child;
}

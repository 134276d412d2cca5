import { type ChildProcess, fork } from 'node:child_process';

const V8_OPTIONS = [
  // MiB of young heap, as in Node 20. Later versions take more, and a burst of requests then leaves 100 MB of garbage
  // behind.
  '--max-semi-space-size=16',
  // Where V8 has seen objects live long it begins to create their like among the old ones. Requests look like that under
  // load, and are soon garbage, which as old objects then keep alive all that they refer to.
  '--no-allocation-site-pretenuring',
];

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

import { type ChildProcess, fork } from 'node:child_process';
import type { StandardOutputs } from '../logging/standard-output.ts';
import { guardChannel } from './channel-guard.ts';
import { relayOutput } from './relay-output.ts';

/** Tells a backend that somebody looks at what it says, which it cannot see itself. */
export const ON_A_TERMINAL = 'on-a-terminal';

const V8_OPTIONS = [
  // MiB of young heap, as in Node 20. Later versions take more, and a burst of requests then leaves 100 MB of garbage
  // behind.
  '--max-semi-space-size=16',
  // Where V8 has seen objects live long it begins to create their like among the old ones. Requests look like that under
  // load, and are soon garbage, which as old objects then keep alive all that they refer to.
  '--no-allocation-site-pretenuring',
];

/**
 * Starts a process that becomes a backend when it is told which one. It writes to files itself, and to whatever may have a
 * reader through this process: so only one has to find out whether that reader takes it.
 */
export function forkBackend(program: string, outputs: StandardOutputs): ChildProcess {
  const { stdout, stderr } = outputs;
  const child = fork(program, stderr.isTTY ? [ON_A_TERMINAL] : [], {
    serialization: 'advanced',
    stdio: ['ignore', stdout.isFile ? 'inherit' : 'pipe', stderr.isFile ? 'inherit' : 'pipe', 'ipc'],
    execArgv: [...process.execArgv, ...V8_OPTIONS, ...withoutDebugger()],
  });
  relayOutput(child, outputs);
  // Who uses it finds out what is wrong with it.
  child.on('error', () => {});
  guardChannel(child, () => {
    child.emit('error', new Error('it sends what is no message, and is ended'));
    child.kill('SIGKILL');
  });
  return child;
}

/**
 * Node opens its debugger on SIGUSR1 until the program listens for that signal, which it cannot from the first moment on.
 * Node 20 has no option against it; so it gets an address that no machine has (RFC 5737), where it cannot listen.
 */
function withoutDebugger(): readonly string[] {
  const wanted = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((option) => /--inspect/.test(option));
  if (wanted) return [];
  return process.allowedNodeEnvironmentFlags.has('--disable-sigusr1')
    ? ['--disable-sigusr1']
    : ['--inspect-port=192.0.2.1:9229'];
}

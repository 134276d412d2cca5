import { type ChildProcess, spawn } from 'node:child_process';
import { MAX_WAITING_BYTES, type OutletListener, RETRY_MS } from './outlet.ts';
import type { Wire } from './syslog.ts';

/**
 * A datagram socket such as /dev/log. Node has none, and the addon that has them is compiled where it is installed; so
 * records go to a logger(1), of which every Linux has one, over its standard input.
 */
export function openLoggerProgram(path: string, listener: OutletListener): Wire {
  let child: ChildProcess | undefined;
  let retryAt = 0;
  let closed = false;
  const failed = (reason: string): void => {
    child = undefined;
    retryAt = performance.now() + RETRY_MS;
    if (!closed) listener.failed(`syslog at ${path}: ${reason}`);
  };
  const start = (): ChildProcess => {
    const started = spawn(
      'logger',
      ['--socket', path, '--socket-errors=on', '--prio-prefix', '--tag', 'statelessd', '--id'],
      {
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    );
    started.once('error', (error) => failed(error.message));
    started.once('exit', (status) => failed(`logger ended with ${status}`));
    started.stdin?.on('error', () => {});
    started.unref();
    return started;
  };
  return {
    send(record) {
      if (performance.now() < retryAt) return;
      child ??= start();
      // A receiver that does not read must not fill the memory.
      if ((child.stdin?.writableLength ?? 0) > MAX_WAITING_BYTES)
        listener.failed(`syslog at ${path}: it takes no records; some are lost`);
      else child.stdin?.write(`${record}\n`);
    },
    close() {
      closed = true;
      child?.stdin?.end();
    },
  };
}

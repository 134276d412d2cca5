import type { Log } from '../../handler/log.ts';

/**
 * Has Node's warnings in the log. Node itself would write them to a standard error of its own, which waits for its reader
 * and ends the process where there is none.
 */
export function logNodeWarnings(log: Log): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => log('warning', 'Node.js warns', { name, detail: message }));
}

/**
 * The program of one backend process. It is started by the supervisor (backends.ts), which sends it a bound socket
 * and the configuration, and ends with it.
 */

import { Gateway } from '../gateway.ts';
import { configureLogging, openLogs } from '../logging/logging.ts';
import { type Identity, isEndingOrder, isStartOrder, type Report, type StartOrder } from './backend-messages.ts';
import { EXIT } from './exit-codes.ts';

let gateway: Gateway | undefined;

process.on('message', (message: unknown, handle: unknown) => {
  if (isStartOrder(message)) void start(message, handle);
  else if (isEndingOrder(message)) void (message.kind === 'drain' ? drain() : retire());
});
process.on('disconnect', () => void drain());
process.on('SIGTERM', () => void drain());
// A terminal sends these to the supervisor as well, whose business they are.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});

async function start({ config, keys, slot, identity }: StartOrder, handle: unknown): Promise<void> {
  process.title = `statelessd: backend ${slot.port}`;
  if (identity) become(identity);
  configureLogging(config.logging, config.application.debug, process.stderr);
  try {
    gateway = new Gateway(config, keys, slot, openLogs({ port: slot.port }));
    await gateway.listen(handle);
    tell({ kind: 'ready' });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN';
    tell({
      kind: 'failed',
      code,
      reason: error instanceof Error ? error.message : String(error),
    });
    process.exitCode = code.startsWith('EADDR') || code === 'EACCES' ? EXIT.addressTaken : EXIT.internal;
    process.disconnect();
  }
}

/** Groups first, for afterwards there is no right to change them. */
function become({ uid, gid, groups }: Identity): void {
  process.setgroups?.([...groups]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

async function drain(): Promise<void> {
  await gateway?.drain();
  process.exit();
}

async function retire(): Promise<void> {
  await gateway?.retire();
  process.exit();
}

function tell(report: Report): void {
  process.send?.(report);
}

/**
 * The program of one backend process. It is started by the supervisor (backends.ts), which sends it a bound socket
 * and the configuration, and ends with it.
 */

import { Gateway } from '../gateway.ts';
import { type Identity, isEndingOrder, isStartOrder, type Report, type StartOrder } from './backend-messages.ts';
import { EXIT } from './exit-codes.ts';
import { createLog } from './log.ts';

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

async function start({ config, keys, slot, logLevel, identity }: StartOrder, handle: unknown): Promise<void> {
  process.title = `statelessd: backend ${slot.port}`;
  if (identity) become(identity);
  const log = createLog(process.stderr, logLevel);
  try {
    gateway = new Gateway(config, keys, slot, (level, sentence, fields) =>
      log(level, sentence, { port: slot.port, ...fields }),
    );
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

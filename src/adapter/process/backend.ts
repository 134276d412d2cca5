/**
 * The program of one backend process. It is started by the supervisor (backends.ts, through backend-entry.ts), which sends
 * it bound sockets and the configuration, and ends with it.
 */

import { fileURLToPath } from 'node:url';
import { getSystemErrorName } from 'node:util';
import * as v from 'valibot';
import { Gateway } from '../gateway.ts';
import { readBuiltIn } from '../http/assets.ts';
import { BACKLOG } from '../http/entrances.ts';
import { configureLogging, openLogs, reopenFiles } from '../logging/logging.ts';
import { logNodeWarnings } from '../logging/node-warnings.ts';
import { openStandardOutputs } from '../logging/standard-output.ts';
import type { Snapshot, Survey } from '../statistics/snapshot.ts';
import { type Identity, parseOrder, type Report, type Start } from './backend-messages.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { ON_A_TERMINAL } from './fork-backend.ts';
import { Inquiries } from './inquiries.ts';
import { ThrottleClient } from './throttle-client.ts';

/** For all backends to answer; the supervisor itself gives up on the silent ones in half of it. */
const SURVEY_MS = 2_000;

/** Where the build puts the page at `/`, seen from here: this file's source and its built form lie at the same depth. */
const PAGE = fileURLToPath(new URL('../../../dist/dashboard', import.meta.url));

/** After a start, until what it did not need is loaded. */
const LOAD_REST_MS = 1_000;

/** What came with the last messages: bound sockets, below Node's own sockets and servers. */
let sockets: unknown[] = [];
let gateway: Gateway | undefined;
const outputs = openStandardOutputs(process.argv.includes(ON_A_TERMINAL));
const surveys = new Inquiries<Survey>();
const throttle = new ThrottleClient(tell);

process.on('message', (message: unknown, handle: unknown) => {
  const order = parseOrder(message);
  switch (order?.kind) {
    case undefined:
      return openLogs().gateway('error', 'the supervisor sends messages that are none');
    case 'socket':
      return void sockets.push(handle);
    case 'listen':
      return listen(takeSockets());
    case 'start':
      return void start(order.start, takeSockets());
    case 'release':
      return void release();
    case 'announce':
      return void gateway?.announceStop();
    case 'drain':
      return void drain();
    case 'retire':
      return void retire();
    case 'snapshot':
      if (gateway) tell({ kind: 'snapshot', id: order.id, snapshot: gateway.snapshot() });
      return;
    case 'survey':
      return surveys.settle(order.id, order.survey);
    case 'login':
      return throttle.settle(order);
  }
});
process.on('uncaughtException', (error) => {
  openLogs().gateway('error', 'internal error; this backend ends', { error: error.stack ?? String(error) });
  process.exit(EXIT.internal);
});
process.on('disconnect', () => void drain());
process.on('SIGTERM', () => void announceAndDrain());
// Whoever sends one of these to the whole group, as a terminal does, means the supervisor.
for (const name of ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGALRM'] as const) process.on(name, () => {});
configureLogging(undefined, false, outputs);
logNodeWarnings(openLogs().gateway);
tell({ kind: 'loaded' });

function takeSockets(): readonly unknown[] {
  const taken = sockets;
  sockets = [];
  return taken;
}

const bound = v.looseObject({ listen: v.function(), close: v.function() });

/**
 * The kernel's listen(2) alone: the supervisor, whose sockets these are, has no way to do it without accepting. Closed
 * again in the same turn, none of them has a connection accepted here.
 */
function listen(handles: readonly unknown[]): void {
  const failures = handles.flatMap((handle) => {
    if (!v.is(bound, handle)) return 'EBADF';
    const status: unknown = handle.listen(BACKLOG);
    handle.close();
    return typeof status === 'number' && status !== 0 ? getSystemErrorName(status) : [];
  });
  if (failures[0] === undefined) tell({ kind: 'listening' });
  else fail(failures[0]);
}

async function start({ config, keys, slot, identity }: Start, handles: readonly unknown[]): Promise<void> {
  process.title = `statelessd: backend ${slot.port}`;
  try {
    const builtInAssets = await readBuiltIn(PAGE);
    if (identity) {
      await loadRest();
      become(identity);
    }
    configureLogging(config.logging, config.application.debug, outputs);
    gateway = new Gateway(config, keys, { slot, builtInAssets, logs: openLogs({ port: slot.port }), survey, throttle });
    await gateway.listen(handles);
    tell({ kind: 'ready' });
    setTimeout(() => void loadRest().catch(() => {}), LOAD_REST_MS).unref();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN';
    fail(code, error instanceof Error ? error.message : String(error));
  }
}

function fail(code: string, reason = code): void {
  tell({ kind: 'failed', code, reason });
  process.exitCode = exitCodeFor(code);
  process.disconnect();
}

/** Asks the supervisor, which asks all. */
async function survey(own: Snapshot): Promise<Survey> {
  const answer = await surveys.ask((id) => tell({ kind: 'survey', id }), SURVEY_MS);
  return answer ?? { snapshots: [own], silent: [] };
}

/**
 * What a start does not wait for. It is loaded before somebody asks for it: by then another user may be unable to read it,
 * or another version of the program may lie there.
 */
async function loadRest(): Promise<void> {
  await Promise.all([import('../statistics/metrics.ts'), import('../../handler/openapi/document.ts')]);
}

/** Groups first, for afterwards there is no right to change them. */
function become({ uid, gid, groups }: Identity): void {
  process.setgroups?.([...groups]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

async function release(): Promise<void> {
  await gateway?.stopListening();
  tell({ kind: 'released' });
}

/** For a signal that the supervisor knows nothing of. */
async function announceAndDrain(): Promise<void> {
  await gateway?.announceStop();
  await drain();
}

async function drain(): Promise<void> {
  await gateway?.drain();
  process.exit();
}

async function retire(): Promise<void> {
  reopenFiles();
  await gateway?.retire();
  process.exit();
}

function tell(report: Report): void {
  process.send?.(report, () => {});
}

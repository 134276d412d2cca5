import { EXIT } from '../src/adapter/process/exit-codes.ts';
import { CannotStart } from './cannot-start.ts';
import { readCommandLine, USAGE, type Wishes } from './command-line.ts';
import { type Endpoint, freeEndpoint, isReady } from './endpoint.ts';
import { findBroker, type LocalBroker } from './find-broker.ts';
import { startGateway } from './gateway-process.ts';
import { instructions } from './instructions.ts';
import { pollUntil } from './poll.ts';
import { doing, say } from './progress.ts';
import { publishingTo, readSettings, type Settings } from './settings.ts';
import type { TiedProcess } from './tied-process.ts';

const READY_WITHIN_MS = 30_000;
// More than the gateway gives its backends beyond drain_timeout.
const STOP_SLACK_MS = 5_000;

/** Runs the gateway and what it publishes to until it ends or the user ends it; gives the exit code. */
async function up(wishes: Wishes, stop: AbortSignal): Promise<number> {
  const settings = readSettings(wishes, process.env);
  const endpoint = await freeEndpoint(settings.config);
  const broker = await findBroker(settings, endpoint.port, stop);
  try {
    stop.throwIfAborted();
    return await serve(wishes, settings, endpoint, broker, stop);
  } finally {
    if (broker.kind === 'started') await doing('Stopping RabbitMQ', broker.close());
  }
}

async function serve(
  wishes: Wishes,
  settings: Settings,
  endpoint: Endpoint,
  broker: LocalBroker,
  stop: AbortSignal,
): Promise<number> {
  const env = broker.kind === 'started' ? publishingTo(settings, broker.port) : settings.env;
  const gateway = await startGateway(settings, env, wishes);
  // The first wish to stop has it drain, and a second one hurries it.
  const again = () => gateway.signal('SIGTERM');
  stop.addEventListener('abort', () => process.on('SIGINT', again).on('SIGTERM', again));
  try {
    await announce(gateway, instructions(endpoint, broker, settings.config), endpoint, stop);
    const end = await Promise.race([
      aborted(stop).then(() => EXIT.ok),
      gateway.ended.then(({ code }) => code ?? EXIT.internal),
      ...(broker.kind === 'started' ? [broker.ended.then(() => 'broker' as const)] : []),
    ]);
    if (end !== 'broker') return end;
    say(`${broker.description} has ended unexpectedly.`);
    return EXIT.internal;
  } finally {
    await gateway.end('SIGTERM', settings.config.httpServer.drainTimeoutMs + STOP_SLACK_MS);
  }
}

async function announce(gateway: TiedProcess, text: string, endpoint: Endpoint, stop: AbortSignal): Promise<void> {
  const over = () => stop.aborted || !gateway.isRunning();
  const ask = async () => over() || (await isReady(endpoint));
  const ready = await doing('Starting statelessd', pollUntil(ask, { withinMs: READY_WITHIN_MS }));
  if (over()) return;
  if (!ready) say('statelessd is not ready yet; it says why at /readyz. It goes on.');
  process.stdout.write(text);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}

const stopping = new AbortController();
// A terminal that was closed takes no more words, which is no reason not to stop properly.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());
try {
  const wishes = readCommandLine(process.argv.slice(2), process.env);
  if (wishes.help) process.stdout.write(USAGE);
  else process.exitCode = await up(wishes, stopping.signal);
} catch (error) {
  if (stopping.signal.aborted) process.exitCode = EXIT.ok;
  else if (error instanceof CannotStart) {
    say(error.message);
    process.exitCode = error.exitCode;
  } else throw error;
}

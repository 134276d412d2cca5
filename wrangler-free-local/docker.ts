import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answersAmqp } from './amqp-answer.ts';
import { CannotStart } from './cannot-start.ts';
import { SAMPLE_DEFINITIONS } from './definitions.ts';
import { pollUntil } from './poll.ts';
import { claimFreePort } from './ports.ts';
import { doing } from './progress.ts';
import type { StartedBroker } from './started-broker.ts';
import { startTied, type TiedProcess } from './tied-process.ts';

const IMAGE = 'rabbitmq:3.13-management';
const ENGINE_WITHIN_MS = 5_000;
const BOOT_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 15_000;

const DEFINITIONS = '/etc/statelessd/definitions.json';
const CONFIG = `definitions.import_backend = local_filesystem\ndefinitions.local.path = ${DEFINITIONS}\n`;
// The container ends when its standard input does, and the engine closes that when our docker command ends, killed or
// not. A container that was merely told to stop would stay behind when there is nobody left to tell it.
const ENDS_WITH_ITS_INPUT = 'docker-entrypoint.sh rabbitmq-server & cat >/dev/null; kill "$!"; wait "$!"';

/** Whether a Docker engine runs, and not just its command is installed. */
export function dockerRuns(): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { timeout: ENGINE_WITHIN_MS, killSignal: 'SIGKILL' as const };
    execFile('docker', ['version', '--format', '{{.Server.Version}}'], options, (error) => resolve(error === null));
  });
}

/** Runs the official image. Its messages are in a volume of their own, named after the directory, and stay. */
export async function startInDocker(directory: string, signal: AbortSignal): Promise<StartedBroker> {
  await pullImage();
  signal.throwIfAborted();
  await mkdir(directory, { recursive: true });
  const config = join(directory, 'rabbitmq.conf');
  await writeFile(config, CONFIG);
  const amqp = await claimFreePort();
  const management = await claimFreePort();
  const name = `statelessd-${createHash('sha256').update(directory).digest('hex').slice(0, 8)}`;
  const log = join(directory, 'docker.log');
  const output = await open(log, 'w');
  const container = await startTied(
    'docker',
    [
      ...['run', '--rm', '--interactive', '--name', name, '--hostname', 'statelessd'],
      ...['--publish', `127.0.0.1:${amqp.port}:5672`, '--publish', `127.0.0.1:${management.port}:15672`],
      ...['--mount', `type=volume,source=${name},target=/var/lib/rabbitmq`],
      ...['--mount', `type=bind,source=${config},target=/etc/rabbitmq/conf.d/90-statelessd.conf,readonly`],
      ...['--mount', `type=bind,source=${SAMPLE_DEFINITIONS},target=${DEFINITIONS},readonly`],
      ...[IMAGE, 'sh', '-c', ENDS_WITH_ITS_INPUT],
    ],
    { stdio: ['pipe', output.fd, output.fd] },
  );
  await output.close();
  const close = async () => {
    container.stdin?.end();
    await container.end(undefined, STOP_WITHIN_MS);
    amqp.release();
    management.release();
  };
  try {
    await doing(`Starting RabbitMQ in Docker; its log is ${log}`, awaitBoot(container, amqp.port, log, signal));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: 'started',
    description: `a RabbitMQ in Docker at 127.0.0.1:${amqp.port}`,
    port: amqp.port,
    managementPort: management.port,
    ended: container.ended,
    close,
  };
}

async function pullImage(): Promise<void> {
  if ((await exitCode(['image', 'inspect', IMAGE], 'ignore')) === 0) return;
  if ((await exitCode(['pull', IMAGE], 'inherit')) === 0) return;
  throw new CannotStart(`Docker could not fetch ${IMAGE}; what it said stands above.`);
}

async function exitCode(args: readonly string[], stdio: 'ignore' | 'inherit'): Promise<unknown> {
  const [code]: unknown[] = await once(spawn('docker', args, { stdio }), 'exit');
  return code;
}

async function awaitBoot(container: TiedProcess, port: number, log: string, signal: AbortSignal): Promise<void> {
  const serves = await pollUntil(
    () => {
      signal.throwIfAborted();
      return container.isRunning() ? answersAmqp({ host: '127.0.0.1', port }) : Promise.resolve(true);
    },
    { everyMs: 100, withinMs: BOOT_WITHIN_MS },
  );
  if (serves && container.isRunning()) return;
  const words = (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-20).join('\n');
  throw new CannotStart(`RabbitMQ did not come up in Docker:\n${words}`);
}

import { fileURLToPath } from 'node:url';
import { EXIT } from '../src/adapter/process/exit-codes.ts';
import { startBroker } from './broker.ts';
import { DirectoryInUse } from './broker-directory.ts';
import { CannotStart } from './cannot-start.ts';
import { type FoundBroker, findConfigured } from './configured-broker.ts';
import { canInstall, install } from './debian.ts';
import { dockerRuns, startInDocker } from './docker.ts';
import { doing, say } from './progress.ts';
import { findRabbitmq } from './rabbitmq-program.ts';
import type { Settings } from './settings.ts';
import type { StartedBroker } from './started-broker.ts';

export type LocalBroker = FoundBroker | StartedBroker;

const LOCAL = fileURLToPath(new URL('../.local', import.meta.url));

/**
 * The broker to publish to: the configured one if it answers; else one that is started, from what the machine has, or
 * can install.
 */
export async function findBroker(settings: Settings, port: number, signal: AbortSignal): Promise<LocalBroker> {
  const { hosts, tls } = settings.config.application.rabbitmq;
  const found = await findConfigured(settings.config);
  if (found) return found;
  const configured = hosts.map(({ host, port: amqpPort }) => `${host}:${amqpPort}`).join(' or ');
  if (tls) {
    // The one we could start speaks plain AMQP.
    throw new CannotStart(
      `No RabbitMQ answers with TLS at ${configured}, as the configuration has it. Start it there.`,
    );
  }
  say(`No RabbitMQ answers at ${configured}.`);
  signal.throwIfAborted();
  if (findRabbitmq() !== undefined) return startPrivate(port, signal);
  if (await dockerRuns()) return startInDocker(directoryFor(port), signal);
  if (!canInstall()) throw new CannotStart(whatToDo(configured));
  await install('rabbitmq');
  signal.throwIfAborted();
  return startPrivate(port, signal);
}

async function startPrivate(port: number, signal: AbortSignal): Promise<StartedBroker> {
  const directory = directoryFor(port);
  const starting = startBroker({ directory, management: true, signal });
  const broker = await doing(
    `Starting a private RabbitMQ; its files are in ${directory}`,
    starting.catch((error: unknown) => {
      throw whyNot(error, directory);
    }),
  );
  return {
    kind: 'started',
    description: `a RabbitMQ of its own at ${broker.host}:${broker.port}`,
    port: broker.port,
    managementPort: broker.managementPort,
    ended: broker.ended,
    close: () => broker.close(),
  };
}

// One for each gateway port: a second scripts/up on another port has a broker, and messages, of its own.
const directoryFor = (port: number) => `${LOCAL}/broker-${port}`;

function whyNot(error: unknown, directory: string): unknown {
  if (error instanceof DirectoryInUse) return new CannotStart(`Another scripts/up is starting: ${error.message}.`);
  if (!(error instanceof Error)) return error;
  if ('code' in error && (error.code === 'EACCES' || error.code === 'EPERM'))
    return new CannotStart(
      `${error.message}.\nAnother user has run scripts/up here: delete ${directory} as that user.`,
    );
  return new CannotStart(error.message, EXIT.internal);
}

function whatToDo(configured: string): string {
  return `
There is no RabbitMQ to publish to: none answers at ${configured}, rabbitmq-server is not installed, and no Docker
engine runs. Do one of these, then run scripts/up again:

  Install it:               sudo apt-get install --no-install-recommends rabbitmq-server
  Or start Docker:          the official image is then run in it
  Or use one that runs:     STATELESSD__APPLICATION__RABBITMQ__HOST=rabbit.example.com scripts/up`.trimStart();
}

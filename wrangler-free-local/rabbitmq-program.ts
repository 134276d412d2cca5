import { isExecutableIn, searchPath } from './executable.ts';

/** Where Debian's and Red Hat's packages keep the scripts that run as any user. */
const PACKAGE_DIRECTORY = '/usr/lib/rabbitmq/bin';

/**
 * The directory of RabbitMQ's own scripts, or undefined if RabbitMQ is not installed. RABBITMQ_SCRIPTS_DIR chooses one.
 *
 * The `rabbitmq-server` that the packages put into the PATH is a wrapper for their one system node: it insists on root and
 * on /var/lib/rabbitmq. RabbitMQ's own script is the one that has `rabbitmq-env` beside it.
 */
export function findRabbitmq(): string | undefined {
  const chosen = process.env.RABBITMQ_SCRIPTS_DIR;
  const directories = chosen ? [chosen] : [PACKAGE_DIRECTORY, ...searchPath()];
  return directories.find(
    (directory) => isExecutableIn(directory, 'rabbitmq-server') && isExecutableIn(directory, 'rabbitmq-env'),
  );
}

/** The same directory of a RabbitMQ that is not installed but unpacked into a folder. */
export function rabbitmqIn(folder: string): string {
  return `${folder}${PACKAGE_DIRECTORY}`;
}

/** Where such a folder has Erlang's programs. */
export function programsIn(folder: string): string {
  return `${folder}/usr/bin`;
}

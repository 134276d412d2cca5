import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian's and Red Hat's packages keep the scripts that run as any user. */
const PACKAGE_DIRECTORY = '/usr/lib/rabbitmq/bin';

/**
 * The directory of RabbitMQ's own scripts, or undefined if RabbitMQ is not installed.
 *
 * The `rabbitmq-server` that the packages put into the PATH is a wrapper for their one system node: it insists on root and
 * on /var/lib/rabbitmq. RabbitMQ's own script is the one that has `rabbitmq-env` beside it.
 */
export function findRabbitmq(path: string = process.env.PATH ?? ''): string | undefined {
  return [PACKAGE_DIRECTORY, ...path.split(delimiter)].find(
    (directory) =>
      may(constants.X_OK, join(directory, 'rabbitmq-server')) && may(constants.R_OK, join(directory, 'rabbitmq-env')),
  );
}

function may(mode: number, file: string): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}

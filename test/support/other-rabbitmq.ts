import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const SCRIPT = new URL('../../scripts/unpack-rabbitmq', import.meta.url).pathname;
const FOLDER = new URL('../../node_modules/.cache/rabbitmq-', import.meta.url).pathname;

/** The Debian release whose RabbitMQ (4.0) is another than that of the machine (3.10). */
const RELEASE = 'trixie';

/** Fetches another version of RabbitMQ, once, and resolves to its folder. */
export async function otherRabbitmq(): Promise<string> {
  const folder = FOLDER + RELEASE;
  await promisify(execFile)(SCRIPT, [RELEASE, folder]);
  return folder;
}

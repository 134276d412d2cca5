import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../scripts/unpack-rabbitmq', import.meta.url));
const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/rabbitmq-', import.meta.url));

/** The Debian release whose RabbitMQ (4.0) is another than that of the machine (3.10). */
const RELEASE = 'trixie';

/** Fetches another version of RabbitMQ, once, and resolves to its folder. */
export async function otherRabbitmq(): Promise<string> {
  const folder = FOLDER + RELEASE;
  await promisify(execFile)(SCRIPT, [RELEASE, folder]);
  return folder;
}

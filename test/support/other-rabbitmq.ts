import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SCRIPT = fileURLToPath(new URL('../../scripts/unpack-rabbitmq', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));

/** The Debian release whose RabbitMQ (4.0) is another than that of the machine (3.10). */
const RELEASE = 'trixie';

/** RabbitMQ's own scripts stumble over a space in their path. */
const PARENT = /\s/.test(CACHE) ? join(tmpdir(), `statelessd-cache-${process.getuid?.()}`) : CACHE;

/** Fetches another version of RabbitMQ, once, and resolves to its folder. */
export async function otherRabbitmq(): Promise<string> {
  const folder = join(PARENT, `rabbitmq-${RELEASE}`);
  await promisify(execFile)(SCRIPT, [RELEASE, folder]);
  return folder;
}

import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { type Claim, claim } from './claim.ts';

/** Where one private node keeps everything, and who it is. */
export interface BrokerDirectory {
  readonly path: string;
  /** Made for one broker, to be deleted with it. */
  readonly temporary: boolean;
  /** The Erlang node's name: it stays with the directory, for RabbitMQ files its messages under it. */
  readonly nodename: string;
  /** Kept until the directory is given up: two nodes on the same files would ruin them. */
  readonly claim: Claim;
}

/** What the node is started with. */
export interface NodeFiles {
  /** Lines of rabbitmq.conf. */
  readonly config: Readonly<Record<string, string>>;
  readonly plugins: readonly string[];
  readonly definitions: object;
}

const COOKIE = join('home', '.erlang.cookie');

/** Another broker runs on these files. */
export class DirectoryInUse extends Error {
  constructor(path: string) {
    super(`a broker runs on ${path} already`);
  }
}

/**
 * Makes or reopens a node's directory; without a path, one that lives as long as the broker.
 *
 * @param cookie the password that nodes of one cluster share; a fresh one by default
 */
export async function openDirectory(
  path: string | undefined,
  name: string | undefined,
  cookie = randomBytes(24).toString('hex'),
): Promise<BrokerDirectory> {
  const temporary = path === undefined;
  if (!temporary) await mkdir(path, { recursive: true });
  // mkdtemp makes it 0700: the node's cookie is a password.
  const made = temporary ? await mkdtemp(join(tmpdir(), 'statelessd-broker-')) : await realpath(path);
  const claimed = await claim(`directory/${createHash('sha256').update(made).digest('hex')}`);
  if (!claimed) throw new DirectoryInUse(made);
  for (const part of ['home', 'log', 'mnesia']) await mkdir(join(made, part), { recursive: true, mode: 0o700 });
  const nodename = await writtenOnce(join(made, 'nodename'), () => freshNodename(name));
  const cookieFile = join(made, COOKIE);
  await writtenOnce(cookieFile, () => cookie);
  await chmod(cookieFile, 0o400);
  return { path: made, temporary, nodename, claim: claimed };
}

/** The password that a node in this directory has. */
export function readCookie(path: string): Promise<string> {
  return readFile(join(path, COOKIE), 'utf8');
}

/** Gives it up: a temporary directory is deleted, any other one stays. */
export async function giveUpDirectory(directory: BrokerDirectory): Promise<void> {
  // The node's helper programs may still be writing their last bytes.
  if (directory.temporary) await rm(directory.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  directory.claim.release();
}

/** Writes rabbitmq.conf, the plugin list and the definitions. */
export async function writeNodeFiles(directory: BrokerDirectory, files: NodeFiles): Promise<void> {
  const definitions = join(directory.path, 'definitions.json');
  await writeFile(definitions, JSON.stringify(files.definitions, undefined, 2), { mode: 0o600 });
  await writeFile(join(directory.path, 'enabled_plugins'), `[${files.plugins.join(',')}].\n`);
  await writeConfig(directory, {
    ...files.config,
    'definitions.import_backend': 'local_filesystem',
    'definitions.local.path': definitions,
  });
}

/** Writes rabbitmq.conf alone. */
export async function writeConfig(directory: BrokerDirectory, config: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(config).map(([key, value]) => `${key} = ${value}\n`);
  await writeFile(join(directory.path, 'rabbitmq.conf'), lines.join(''), { mode: 0o600 });
}

/** What the node printed and logged when it failed, for an error message. */
export async function lastWords(directory: BrokerDirectory): Promise<string> {
  const texts = await Promise.all(
    ['console.log', 'node.log'].map((file) => readFile(join(directory.path, 'log', file), 'utf8').catch(() => '')),
  );
  return texts
    .map((text) => whyItFailed(text.trimEnd().split('\n')).join('\n'))
    .filter((text) => text !== '')
    .join('\n');
}

// The reason stands before these words; what follows is the VM taking itself apart.
function whyItFailed(lines: readonly string[]): readonly string[] {
  const failed = lines.findIndex((line) => line.includes('BOOT FAILED'));
  return failed < 0 ? lines.slice(-20) : lines.slice(Math.max(0, failed - 15), failed + 10);
}

const NODENAME = v.pipe(v.string(), v.regex(/^[a-z0-9-]+@localhost$/));

function freshNodename(name: string | undefined): string {
  const words = ['statelessd', name, randomBytes(4).toString('hex')].filter((word) => word !== undefined);
  return v.parse(NODENAME, `${words.join('-')}@localhost`);
}

/** The file's text; if there is none yet, the text that it is now given. */
async function writtenOnce(file: string, text: () => string): Promise<string> {
  try {
    const handle = await open(file, 'wx', 0o600);
    const fresh = text();
    await handle.writeFile(fresh);
    await handle.close();
    return fresh;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return readFile(file, 'utf8');
  }
}

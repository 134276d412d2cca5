import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isExecutableIn, searchPath } from '../../wrangler-free-local/executable.ts';
import { claimFreePort } from '../../wrangler-free-local/ports.ts';
import { ScriptProcess } from './script-process.ts';

// What a Debian machine has before anything is installed, as far as the scripts use it.
const BARE = ['cat', 'dirname', 'env', 'find', 'flock', 'grep', 'id', 'mkdir', 'readlink', 'sh', 'tr'];

let bin: string;

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'statelessd-bare-'));
  for (const command of BARE) {
    const directory = searchPath().find((candidate) => isExecutableIn(candidate, command));
    if (directory === undefined) throw new Error(`this machine has no ${command}`);
    await symlink(join(directory, command), join(bin, command));
  }
});

afterEach(() => rm(bin, { recursive: true }));

async function add(command: string, script: string): Promise<void> {
  await writeFile(join(bin, command), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, command), 0o755);
}

const addNode = () => symlink(process.execPath, join(bin, 'node'));

async function run(name: string, args: readonly string[] = []): Promise<{ code: unknown; output: string }> {
  const http = await claimFreePort();
  const amqp = await claimFreePort();
  const script = new ScriptProcess(name, args, {
    PATH: bin,
    HOME: bin,
    PORT: String(http.port),
    STATELESSD__APPLICATION__RABBITMQ__PORT: String(amqp.port),
    // RabbitMQ's scripts are looked for here, and are not.
    RABBITMQ_SCRIPTS_DIR: bin,
  });
  const code = await script.ended;
  http.release();
  amqp.release();
  return { code, output: script.output };
}

test('scripts/up without any RabbitMQ says what to install', async () => {
  await addNode();
  const { code, output } = await run('up');
  expect(output).toContain('sudo apt-get install --no-install-recommends rabbitmq-server');
  expect(output).toMatch(/none answers at localhost:\d+, rabbitmq-server is not installed, and no Docker/);
  expect(code).toBe(69);
});

test("scripts/up takes Docker's command without its engine for none", async () => {
  await addNode();
  await add('docker', 'echo "Cannot connect to the Docker daemon" >&2; exit 1');
  const { code, output } = await run('up');
  expect(output).toContain('no Docker');
  expect(code).toBe(69);
});

test('scripts/up and scripts/test without Node, or with an old one, ask for a newer one', async () => {
  for (const script of ['up', 'test']) {
    const { code, output } = await run(script);
    expect(output).toContain('statelessd needs Node, and there is none.');
    expect(code).toBe(69);
  }
  // Whatever it is asked to evaluate, it says that it is too old.
  await add('node', 'if [ "$1" = --version ]; then echo v18.20.4; else exit 1; fi');
  const { code, output } = await run('up');
  expect(output).toContain('need Node 20.19 or newer, and this is v18.20.4');
  expect(code).toBe(69);
});

test('scripts/install-debian tells everyone but root what to run', async () => {
  await add('apt-get', 'echo it must not be called >&2; exit 1');
  await add('apt-cache', 'echo "  Candidate: 1.22"');
  await rm(join(bin, 'id'));
  await add('id', 'echo 1000');
  // openssl and curl are outside of this PATH, and nothing below asks for what may stand at a fixed place.
  const { code, output } = await run('install-debian', ['curl', 'openssl']);
  expect(output).toContain('sudo apt-get install --no-install-recommends curl openssl');
  expect(output).not.toContain('must not be called');
  expect(code).toBe(69);
});

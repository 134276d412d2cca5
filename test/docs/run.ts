import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Block } from './document.ts';
import type { Place } from './place.ts';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Program = (code: string, place: Place) => Promise<readonly [command: string, ...args: string[]]>;

/** By a block's language: what runs it, or judges it. */
const programs: Readonly<Record<string, Program>> = {
  sh: async (code) => ['sh', '-ec', code],
  php: async (code, place) => ['php', await place.write('block.php', code)],
  python: async (code, place) => ['/usr/bin/python3', await place.write('block.py', code)],
  js: async (code, place) => ['node', await place.write('block.mjs', code)],
  json: async (code, place) => ['node', '-e', `require('./${await place.write('block.json', code)}')`],
  yaml: async (code, place) => ['statelessd', '--check', '-c', await place.write('block.yaml', code)],
  nginx: async (code, place) => {
    const around = `pid ${place.directory}/nginx.pid; events {} http { access_log off; ${code} }`;
    return ['nginx', '-t', '-p', place.directory, '-c', await place.write('nginx.conf', around), '-e', 'stderr'];
  },
};

export const isRunnable = ({ language }: Block): boolean => Object.hasOwn(programs, language);

/** No example takes longer, even where the broker is away at first. */
const TIMEOUT_MS = 30_000;

export async function run(block: Block, place: Place): Promise<Ran> {
  const program = programs[block.language];
  if (!program) throw new Error(`nothing runs ${block.language}`);
  // The shell is in the group that is stopped, and outlives what it runs, to tell how that ended.
  const code = block.runsUntil === undefined ? block.code : `trap : TERM\n${block.code}`;
  const [command, ...args] = await program(code, place);
  const child = spawn(command, args, {
    cwd: place.directory,
    env: block.runsUntil === undefined ? place.env : { ...place.env, ...onASocket(place) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    // A whole group, for a shell does not pass signals on.
    detached: block.runsUntil !== undefined,
  });
  const exited = once(child, 'exit');
  const output = Promise.all([text(child.stdout), text(child.stderr)]);
  if (block.runsUntil !== undefined) await stopOnceItSays(block.runsUntil, child);
  const [status]: (number | null)[] = await exited;
  const [stdout, stderr] = await output;
  return { code: status ?? null, stdout, stderr };
}

/** Port 8000 may be taken here. */
const onASocket = ({ directory }: Place): NodeJS.ProcessEnv => ({
  STATELESSD__HTTPSERVER__PORTS: '[]',
  STATELESSD__HTTPSERVER__SOCKETS: `${directory}/statelessd.sock`,
});

async function stopOnceItSays(expected: string, child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  while (!said.includes(expected) && child.exitCode === null && child.stderr)
    await Promise.race([once(child.stderr, 'data'), once(child, 'exit')]);
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
}

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts a file of this folder as a process that one can send messages to; it ends when it is disconnected. */
export function startChild(file: string, ...args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, [...args], { execArgv: ['--import', 'tsx'] });
}

/** The child's next message. Rejects if it ends instead. */
export async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const exit = once(child, 'exit', { signal: ended.signal }).then(() => {
    throw new Error(`${child.spawnargs.at(-1)} ended`);
  });
  const [message]: unknown[] = await Promise.race([once(child, 'message', { signal: ended.signal }), exit]);
  exit.catch(() => {});
  ended.abort();
  return message;
}

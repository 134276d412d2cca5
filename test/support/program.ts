import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tiedCommand } from '../../wrangler-free-local/tied-process.ts';

/** A statelessd from elsewhere than dist/, with what its environment says over its configuration. */
export interface Program {
  readonly pid: number;
  /** Sends SIGTERM; resolves to the exit code. */
  stop(): Promise<unknown>;
}

/** Resolves once it listens. */
export async function startProgram(
  program: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<Program> {
  const [command = '', ...args] = tiedCommand(program, 'SIGTERM');
  const child = spawn(command, args, { env: { ...process.env, ...settings }, stdio: ['ignore', 'inherit', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const exited = once(child, 'exit');
  while (!said.includes('listening on')) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${program[0]} ended:\n${said}`);
    await Promise.race([once(child.stderr, 'data'), exited]);
  }
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM');
      const [code]: unknown[] = await exited;
      return code;
    },
  };
}

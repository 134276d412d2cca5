import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pollUntil } from '../../wrangler-free-local/poll.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `scripts/<name>` as a user runs it, in a process group that can be sent a terminal's Ctrl-C. */
export class ScriptProcess {
  readonly pid: number;
  /** Resolves to its exit code. */
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;
  #output = '';

  constructor(name: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.#child = spawn(join(ROOT, 'scripts', name), args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    if (this.#child.pid === undefined) throw new Error(`scripts/${name} did not start`);
    this.pid = this.#child.pid;
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    // 'close' and not 'exit': by then all of its output is here.
    this.ended = once(this.#child, 'close').then(([code]: unknown[]) => code);
  }

  /** All that it printed so far. */
  get output(): string {
    return this.#output;
  }

  /** Waits for words in its output, so many times. */
  async says(words: string, times = 1): Promise<void> {
    const said = async () => this.#output.split(words).length > times || this.#child.exitCode !== null;
    await pollUntil(said, { withinMs: 60_000 });
    if (this.#output.split(words).length <= times) throw new Error(`never said "${words}":\n${this.#output}`);
  }

  /** What Ctrl-C in its terminal does. */
  interrupt(): void {
    process.kill(-this.pid, 'SIGINT');
  }

  kill(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
  }
}

/** Where `scripts/up` on this port keeps its broker. */
export const localBroker = (port: number) => join(ROOT, '.local', `broker-${port}`);

/** Starts `scripts/up` on a port; `brokerPort` is where the configuration has RabbitMQ. */
export function startUp(
  { port, brokerPort }: { readonly port: number; readonly brokerPort: number },
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): ScriptProcess {
  return new ScriptProcess('up', args, {
    ...process.env,
    PORT: String(port),
    STATELESSD__APPLICATION__RABBITMQ__PORT: String(brokerPort),
    ...env,
  });
}

export const deleteLocalBroker = (port: number) => rm(localBroker(port), { recursive: true, force: true });

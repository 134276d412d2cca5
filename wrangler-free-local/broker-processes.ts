import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { answersAmqp } from './amqp-answer.ts';
import { type BrokerDirectory, lastWords } from './broker-directory.ts';
import type { BrokerPorts } from './broker-ports.ts';
import { apiAnswers } from './management-api.ts';
import { pollUntil } from './poll.ts';
import { isPortTaken } from './ports.ts';
import { startTied, type TiedProcess } from './tied-process.ts';

const EPMD_WITHIN_MS = 5_000;
const BOOT_WITHIN_MS = 90_000;
const STOP_WITHIN_MS = 30_000;

/** The two processes of a private node: the Erlang VM, and the port mapper (epmd) that is its, or its cluster's, alone. */
export class BrokerProcesses {
  readonly #scripts: string;
  readonly #directory: BrokerDirectory;
  readonly #ports: BrokerPorts;
  readonly #env: Readonly<Record<string, string>>;
  #epmd: TiedProcess | undefined;
  #node: TiedProcess | undefined;
  #closed = false;

  constructor(scripts: string, directory: BrokerDirectory, ports: BrokerPorts, env: Readonly<Record<string, string>>) {
    this.#scripts = scripts;
    this.#directory = directory;
    this.#ports = ports;
    this.#env = env;
    if (directory.temporary) process.once('exit', this.#atExit);
  }

  /** The Erlang VM, running or not. */
  get node(): TiedProcess {
    if (this.#node === undefined) throw new Error('this broker has never been started');
    return this.#node;
  }

  /** Starts what is not running and waits until the node serves its clients. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.#closed) throw new Error('this broker is closed');
    if (this.#node?.isRunning()) throw new Error('this broker is running');
    const { amqp } = this.#ports;
    if (await isPortTaken(amqp, '127.0.0.1')) throw new Error(`port ${amqp} is taken`);
    // It runs already where the node joins another one's cluster.
    if (!(await accepts(this.#ports.epmd))) this.#epmd = await this.#startEpmd();
    const console = await open(join(this.#directory.path, 'log', 'console.log'), 'w');
    try {
      this.#node = await startTied(`${this.#scripts}/rabbitmq-server`, [], {
        cwd: this.#directory.path,
        env: this.#env,
        stdio: ['ignore', console.fd, console.fd],
      });
    } finally {
      await console.close();
    }
    await this.#awaitBoot(this.#node, signal);
  }

  /** Ends the VM; the port mapper stays for the next one. */
  async endNode(name: 'SIGKILL' | 'SIGTERM', graceMs = STOP_WITHIN_MS): Promise<void> {
    // A frozen VM would see SIGTERM only when it thaws.
    this.#node?.signal('SIGCONT');
    await this.#node?.end(name, graceMs);
  }

  /** Ends both for good. */
  async close(): Promise<void> {
    this.#closed = true;
    process.removeListener('exit', this.#atExit);
    await this.#node?.end('SIGKILL', 0);
    await this.#epmd?.end('SIGKILL', 0);
  }

  async #startEpmd(): Promise<TiedProcess> {
    const port = this.#ports.epmd;
    const args = ['-address', '127.0.0.1', '-port', String(port), '-relaxed_command_check'];
    const epmd = await startTied('epmd', args, { env: this.#env, cwd: this.#directory.path, stdio: 'ignore' });
    const listens = await pollUntil(() => accepts(port), { everyMs: 5, withinMs: EPMD_WITHIN_MS });
    if (!listens || !epmd.isRunning()) throw new Error(`epmd does not listen on port ${port}`);
    return epmd;
  }

  async #awaitBoot(node: TiedProcess, signal: AbortSignal | undefined): Promise<void> {
    const { amqp, management } = this.#ports;
    const serves = await pollUntil(
      async () => {
        signal?.throwIfAborted();
        if (!node.isRunning()) throw new Error(`RabbitMQ ended while it booted:\n${await lastWords(this.#directory)}`);
        return answersAmqp({ host: '127.0.0.1', port: amqp });
      },
      { withinMs: BOOT_WITHIN_MS },
    );
    if (!serves || (management !== undefined && !(await apiAnswers(management, BOOT_WITHIN_MS))))
      throw new Error(`RabbitMQ did not come up in time:\n${await lastWords(this.#directory)}`);
  }

  // For an owner that exits without a close. The processes end with it anyway; here they end before the files go.
  readonly #atExit = () => {
    this.#node?.signal('SIGKILL');
    this.#epmd?.signal('SIGKILL');
    rmSync(this.#directory.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  };
}

/** Whether something accepts TCP connections on this loopback port. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}

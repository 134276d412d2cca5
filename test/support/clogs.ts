import { execFileSync, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { pollUntil } from '../../wrangler-free-local/poll.ts';
import { claimFreePort } from '../../wrangler-free-local/ports.ts';
import { tiedCommand } from '../../wrangler-free-local/tied-process.ts';
import { configuration } from './gateway.ts';
import { FORM, http } from './http.ts';
import { canIsolate } from './isolated-machine.ts';
import { childrenOf, statusOf } from './processes.ts';
import type { Topology } from './topology.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Messages of a batch that is refused, each of which leaves a line. */
const BATCH = 2_000;

/** Somewhere a log cannot be written to. */
export interface Clog {
  readonly name: string;
  /** A command that becomes the program, with its standard error there. */
  readonly through?: (directory: string) => readonly string[];
  /** Where standard error goes. It is called before the program starts. */
  readonly open?: (directory: string) => { readonly stderr: number | 'pipe'; readonly close: () => void };
  /** Standard error of the program, where that is a socket. */
  readonly onStarted?: (stderr: NodeJS.ReadableStream & { destroy(): void }) => void;
}

const fifo = (directory: string): string => {
  const path = join(directory, 'fifo');
  execFileSync('mkfifo', [path]);
  return path;
};

export const clogs: readonly Clog[] = [
  {
    name: '/dev/full',
    open: () => {
      const stderr = openSync('/dev/full', 'w');
      return { stderr, close: () => closeSync(stderr) };
    },
  },
  ...(canIsolate()
    ? [
        {
          name: 'a file on a full file system',
          through: (directory: string) => [
            ...['unshare', '--mount', 'sh', '-c'],
            ...['mount -t tmpfs -o size=8k none "$0" && exec "$@" 2>>"$0/log"', directory],
          ],
        },
      ]
    : []),
  {
    name: 'a pipe that nobody reads',
    open: (directory) => {
      // Its own reader, which never reads.
      const stderr = openSync(fifo(directory), constants.O_RDWR);
      return { stderr, close: () => closeSync(stderr) };
    },
  },
  {
    name: 'a pipe whose reader is gone',
    open: (directory) => {
      const path = fifo(directory);
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const stderr = openSync(path, constants.O_WRONLY);
      closeSync(reader);
      return { stderr, close: () => closeSync(stderr) };
    },
  },
  { name: 'a socket that nobody reads' },
  { name: 'a socket whose reader is gone', onStarted: (stderr) => stderr.destroy() },
];

/** The gateway with a log that cannot be written. */
export class CloggedGateway {
  readonly pid: number;
  readonly port: number;
  readonly #topology: Topology;
  readonly #end: () => Promise<unknown>;
  readonly #agent = new Agent({ keepAlive: true });
  /** Answers to good posts, and to refused ones, by status. */
  readonly good = new Map<number, number>();
  refused = 0;

  private constructor(pid: number, port: number, topology: Topology, end: () => Promise<unknown>) {
    this.pid = pid;
    this.port = port;
    this.#topology = topology;
    this.#end = end;
  }

  static async start(clog: Clog, topology: Topology): Promise<CloggedGateway> {
    const { port, release } = await claimFreePort();
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-clogged-'));
    const file = join(directory, 'statelessd.yaml');
    const settings = { broker: topology.broker, publishing: { publish_timeout: 60 } };
    await writeFile(file, stringify(configuration(settings, [port])));
    const mount = join(directory, 'mount');
    execFileSync('mkdir', [mount]);
    const { stderr = 'pipe', close = () => {} } = clog.open?.(directory) ?? {};
    const program = [...(clog.through?.(mount) ?? []), process.execPath, PROGRAM, '-c', file];
    const [command = '', ...args] = tiedCommand(program, 'SIGTERM');
    const stdio: StdioOptions = ['ignore', 'inherit', stderr];
    const child = spawn(command, args, { stdio });
    if (child.stderr) clog.onStarted?.(child.stderr);
    const exited = once(child, 'exit');
    const end = async (): Promise<unknown> => {
      child.kill('SIGTERM');
      const [code]: unknown[] = await exited;
      close();
      release();
      await rm(directory, { recursive: true, force: true });
      return code;
    };
    const isUp = () =>
      http(port, '/healthz', { method: 'GET' }).then(
        ({ status }) => status === 200,
        () => false,
      );
    const gateway = new CloggedGateway(child.pid ?? 0, port, topology, end);
    if (!(await pollUntil(isUp, { withinMs: 60_000 }))) {
      await end();
      throw new Error(`with ${clog.name}, the gateway does not start`);
    }
    return gateway;
  }

  /** A batch that is refused as a whole, and a good post while its lines are written. */
  async round(): Promise<void> {
    const { segment, user } = this.#topology;
    const batch = Array.from({ length: BATCH }, (_, number) => ({
      routing_key: `${number}-`.padEnd(200, 'x'),
      body: '',
    }));
    const headers = { 'content-type': 'application/json' };
    const posts = [
      http(this.port, `/${segment}/missing`, { user, headers, body: JSON.stringify(batch) }, this.#agent),
      http(this.port, `/${segment}/x/k`, { user, body: 'body=x', headers: FORM }, this.#agent),
    ] as const;
    const [{ status: refusal }, { status }] = await Promise.all(posts);
    if (refusal !== 422) throw new Error(`a batch to an exchange that is missing was answered ${refusal}`);
    this.refused += BATCH;
    this.good.set(status, (this.good.get(status) ?? 0) + 1);
  }

  /** What supervisor and backends have in memory, in MiB. */
  get memory(): readonly number[] {
    const pids = [this.pid, ...childrenOf(this.pid).map(({ pid }) => pid)];
    return pids.map((pid) => Math.round(Number.parseInt(statusOf(pid).VmRSS ?? '0', 10) / 1024));
  }

  /** @returns the exit code */
  async stop(): Promise<unknown> {
    this.#agent.destroy();
    return this.#end();
  }
}

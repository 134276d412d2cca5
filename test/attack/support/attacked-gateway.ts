import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { pollUntil } from '../../../wrangler-free-local/poll.ts';
import { type ClaimedPort, claimFreePort } from '../../../wrangler-free-local/ports.ts';
import { tiedCommand } from '../../../wrangler-free-local/tied-process.ts';
import { configuration, type Settings } from '../../support/gateway.ts';
import { backendsOf } from '../../support/processes.ts';
import type { BrokerPorts } from '../../support/topology.ts';
import type { MemoryLimit } from './memory-limit.ts';

const PROGRAM = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));
const START_MS = 30_000;
const STOP_MS = 30_000;

/** Where standard error goes: a file of the gateway's own, a device, or a pipe whose reader stalls or goes away. */
export type StandardError = 'a file' | '/dev/full' | 'a stalled pipe' | 'a broken pipe';

export interface GatewayOptions {
  readonly settings?: Settings;
  readonly broker: BrokerPorts;
  readonly limit?: MemoryLimit;
  /** A shell's line before the start, such as `ulimit -n 256`. */
  readonly before?: string;
  readonly standardError?: StandardError;
  readonly env?: Readonly<Record<string, string>>;
  /** It has a certificate. */
  readonly isHttps?: boolean;
}

/** The built gateway, started by a shell that has first put itself where it is told to. */
export class AttackedGateway {
  readonly port: number;
  readonly log: string;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  readonly #child: ChildProcess;
  readonly #claim: ClaimedPort;
  readonly #directory: string;
  readonly #isHttps: boolean;

  private constructor(child: ChildProcess, claim: ClaimedPort, directory: string, isHttps: boolean) {
    this.#isHttps = isHttps;
    this.#child = child;
    this.#claim = claim;
    this.#directory = directory;
    this.port = claim.port;
    this.log = join(directory, 'log');
    this.exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  }

  /** Resolves once it serves, or once it has ended: `exited` says which. */
  static async start(options: GatewayOptions): Promise<AttackedGateway> {
    const { settings = {}, broker, limit, before = ':', standardError = 'a file', env = {}, isHttps = false } = options;
    const claim = await claimFreePort();
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-attack-'));
    const file = join(directory, 'statelessd.yaml');
    await writeFile(file, stringify(configuration({ ...settings, broker }, [claim.port])));
    const target = standardError === '/dev/full' ? standardError : join(directory, 'log');
    const reader = standardError.endsWith('pipe') ? makeReader(target) : undefined;
    const script = `${limit?.join ?? ':'} && ${before} && exec "$0" "$@" 2>> ${target}`;
    const program = ['sh', '-c', script, process.execPath, PROGRAM, '-c', file];
    const [command = '', ...args] = tiedCommand(program, 'SIGTERM');
    const child = spawn(command, args, { stdio: 'ignore', env: { ...process.env, ...env } });
    if (child.pid !== undefined) limit?.watch?.(child.pid);
    const gateway = new AttackedGateway(child, claim, directory, isHttps);
    await pollUntil(async () => gateway.hasEnded || (await gateway.serves()), { withinMs: START_MS });
    if (reader !== undefined && standardError === 'a broken pipe') closeSync(reader);
    return gateway;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  get backends(): number[] {
    return backendsOf(this.pid).map(({ pid }) => pid);
  }

  logged(): Promise<string> {
    return readFile(this.log, 'utf8').catch(() => '');
  }

  /** Whether /healthz is 200 within two seconds. */
  serves(): Promise<boolean> {
    return new Promise((resolve) => {
      const where = { host: '127.0.0.1', port: this.port, path: '/healthz', agent: false, timeout: 2_000 } as const;
      const outgoing = this.#isHttps ? getHttps({ ...where, rejectUnauthorized: false }) : getHttp(where);
      outgoing.once('timeout', () => outgoing.destroy());
      outgoing.once('error', () => resolve(false));
      outgoing.once('response', (response) => resolve(response.resume().statusCode === 200));
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    const { code } = await this.exited;
    clearTimeout(timer);
    this.#claim.release();
    await rm(this.#directory, { recursive: true, force: true });
    return code;
  }
}

/** A pipe with a name and one end for reading, from which nobody reads. */
function makeReader(path: string): number {
  execFileSync('mkfifo', [path]);
  return openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
}

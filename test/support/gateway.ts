import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type ClaimedPort, claimFreePort } from '../../wrangler-free-local/ports.ts';
import { tiedCommand } from '../../wrangler-free-local/tied-process.ts';
import { type BrokerPorts, sharedBroker } from './topology.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** The configuration's sections, as the file has them. */
export interface Settings {
  readonly rabbitmq?: Record<string, unknown>;
  readonly publishing?: Record<string, unknown>;
  readonly http?: Record<string, unknown>;
  readonly application?: Record<string, unknown>;
  readonly routes?: readonly unknown[];
  readonly logging?: object;
  readonly daemon?: Record<string, unknown>;
  /** A command that becomes the program, such as setpriv(1) and its options. */
  readonly through?: readonly string[];
  /** Another Node than that of the tests, as the path of its program. */
  readonly node?: string;
  /** How many ports; one backend listens on each. */
  readonly ports?: number;
  readonly broker?: BrokerPorts | undefined;
}

/** The gateway as a program of its own, on ports of its own. */
export class GatewayProcess {
  readonly ports: readonly number[];
  readonly #claims: readonly ClaimedPort[];
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  stderr = '';

  private constructor(child: ChildProcess, claims: readonly ClaimedPort[], directory: string) {
    this.#child = child;
    this.#claims = claims;
    this.#directory = directory;
    this.ports = claims.map(({ port }) => port);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  }

  static async start(settings: Settings = {}): Promise<GatewayProcess> {
    const claims = await Promise.all(Array.from({ length: settings.ports ?? 1 }, claimFreePort));
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-test-'));
    const file = join(directory, 'statelessd.yaml');
    const ports = claims.map(({ port }) => port);
    await writeFile(file, stringify(configuration(settings, ports)));
    const program = [...(settings.through ?? []), settings.node ?? process.execPath, PROGRAM, '-c', file];
    const [command = '', ...args] = tiedCommand(program, 'SIGTERM');
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    const gateway = new GatewayProcess(child, claims, directory);
    const addresses = [settings.http?.ports ?? ports, settings.http?.sockets ?? []].flat();
    try {
      await gateway.says('listening on', addresses.length);
    } catch (error) {
      await gateway.stop();
      throw error;
    }
    return gateway;
  }

  get port(): number {
    return this.ports[0] ?? 0;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until its log has so many lines with this text. */
  async says(text: string, times = 1): Promise<void> {
    while (this.stderr.split(text).length - 1 < times) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the gateway ended before it said "${text}":\n${this.stderr}`);
      if (this.#child.stderr) await Promise.race([once(this.#child.stderr, 'data'), this.exited]);
    }
  }

  /** Writes another configuration file, to be read on SIGHUP. */
  reconfigure(text: string): Promise<void> {
    return writeFile(join(this.#directory, 'statelessd.yaml'), text);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const { code } = await this.exited;
    for (const claim of this.#claims) claim.release();
    await rm(this.#directory, { recursive: true, force: true });
    return code;
  }
}

export function configuration(settings: Settings, ports: readonly number[]): object {
  const broker = settings.broker ?? sharedBroker();
  return {
    ...(settings.daemon && { Daemon: settings.daemon }),
    Application: {
      ...settings.application,
      rabbitmq: { ...(settings.rabbitmq?.hosts ? {} : { host: '127.0.0.1', port: broker.port }), ...settings.rabbitmq },
      publishing: settings.publishing ?? {},
    },
    HTTPServer: { ports, ...settings.http },
    ...(settings.routes && { Routes: settings.routes }),
    ...(settings.logging && { Logging: settings.logging }),
  };
}

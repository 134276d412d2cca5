import { waitUntilStopped } from './all-stopped.ts';
import type { BrokerDirectory } from './broker-directory.ts';
import { giveUpDirectory, openDirectory, readCookie, writeConfig, writeNodeFiles } from './broker-directory.ts';
import { brokerEnvironment } from './broker-environment.ts';
import { type BrokerPorts, claimPorts, listenerConfig, type TlsFiles } from './broker-ports.ts';
import { BrokerProcesses } from './broker-processes.ts';
import { readDefinitions, SAMPLE_DEFINITIONS, withAdmin } from './definitions.ts';
import { type CommandResult, evaluate, run } from './erlang.ts';
import { type ApiAnswer, callApi } from './management-api.ts';
import { findRabbitmq, programsIn, rabbitmqIn } from './rabbitmq-program.ts';
import type { Ending } from './tied-process.ts';

// The messages are on disk after some 50 ms; the management plugin then keeps the node waiting for 5 s more.
const CLOSE_GRACE_MS = 2_000;

/** What a private RabbitMQ node should be like; all of it may be left out. */
export interface BrokerOptions {
  /** A word for the node's name, to know it by in `ps`: letters, digits and dashes. */
  readonly name?: string;
  /** Where it keeps its messages, for ever. Left out: a temporary directory that `close` deletes. */
  readonly directory?: string;
  /** The AMQP port. 0 or left out: a free one, kept over restarts. */
  readonly port?: number;
  /** Enables the management plugin, on a free port or this one. */
  readonly management?: boolean | number;
  /** More plugins to enable. */
  readonly plugins?: readonly string[];
  /** A node of the cluster that this one is to be a member of; it must outlive this one. Its definitions count. */
  readonly joins?: Broker;
  /** The folder of another RabbitMQ, as `scripts/unpack-rabbitmq` makes them; the machine's own by default. */
  readonly installation?: string;
  /** Lines of rabbitmq.conf, e.g. `{'channel_max': '3'}`. They win over ours. */
  readonly config?: Readonly<Record<string, string>>;
  /** What to import before the first client can connect, or its file; the sample topology by default. */
  readonly definitions?: object | string;
  /** PEM files; with them it also listens with TLS. Clients need no certificate unless `config` says so. */
  readonly tls?: TlsFiles;
  /** For the Erlang VM; `+sbwt none +sbwtdio none` are RabbitMQ's own, for measurements. */
  readonly erlangFlags?: string;
  /** Gives up the start. */
  readonly signal?: AbortSignal;
}

/** A private RabbitMQ node on loopback. It ends with the process that started it. */
export interface Broker {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Only with `tls`. */
  readonly tlsPort: number | undefined;
  /** Only with `management`. */
  readonly managementPort: number | undefined;
  readonly nodename: string;
  /** Where the nodes of one cluster find each other. */
  readonly epmdPort: number;
  /** Its files: `log/node.log` is the node's log. */
  readonly directory: string;
  /** The environment in which RabbitMQ's own commands speak to this node. */
  readonly env: Readonly<Record<string, string>>;
  /** The Erlang VM's; the last one's while the node is down. */
  readonly pid: number;
  /** Resolves when the VM that runs now has ended. */
  readonly ended: Promise<Ending>;

  /** Runs `rabbitmqctl` (0.5 s and more); a failure shows in `code`. */
  ctl(args: readonly string[]): Promise<CommandResult>;
  /** Evaluates an Erlang expression on the node (5 ms) and gives what `rabbitmqctl eval` would print, on one line. */
  rpcEval(expression: string): Promise<string>;
  /** Calls the management API as `admin`; `path` begins after `/api`. */
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>;

  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again after `kill` or `stop`, on the same files and ports; the definitions are not imported again. */
  start(): Promise<void>;
  /** Stops it as an operator would. */
  stop(): Promise<void>;
  /** Freezes the VM (SIGSTOP): connections stay open and nothing answers. */
  suspend(): void;
  resume(): void;
  /** Ends all of it and deletes what it had in a temporary directory. */
  close(): Promise<void>;
}

/** Starts a private node; resolves when it accepts AMQP clients (3 s). Rejects with its last words if it does not. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { installation } = options;
  const scripts = installation === undefined ? findRabbitmq() : rabbitmqIn(installation);
  if (scripts === undefined) throw new Error('RabbitMQ is not installed: there is no rabbitmq-server');
  const wantsApi = options.management !== undefined && options.management !== false;
  const { joins } = options;
  const read = await readDefinitions(options.definitions ?? SAMPLE_DEFINITIONS);
  const definitions = joins ? {} : wantsApi ? withAdmin(read) : read;
  const cookie = joins && (await readCookie(joins.directory));
  const directory = await openDirectory(options.directory, options.name, cookie);
  const ports = await claimPorts({ ...options, epmd: joins?.epmdPort });
  const config = { ...listenerConfig(ports, options.tls), ...clusterConfig(joins), ...options.config };
  const env = brokerEnvironment(directory, ports, options.erlangFlags ?? '', installation && programsIn(installation));
  const broker = new PrivateBroker(scripts, directory, ports, config, env);
  try {
    await writeNodeFiles(directory, {
      config,
      plugins: [...(wantsApi ? ['rabbitmq_management'] : []), ...(options.plugins ?? [])],
      definitions,
    });
    await broker.start(options.signal);
    return broker;
  } catch (error) {
    await broker.close();
    throw error;
  }
}

/** A node that boots for the first time with these lines becomes a member of that node's cluster. */
function clusterConfig(joins: Broker | undefined): Record<string, string> {
  if (!joins) return {};
  return {
    'cluster_formation.peer_discovery_backend': 'classic_config',
    'cluster_formation.classic_config.nodes.1': joins.nodename,
  };
}

class PrivateBroker implements Broker {
  readonly host = '127.0.0.1';
  readonly env: Readonly<Record<string, string>>;
  readonly #scripts: string;
  readonly #directory: BrokerDirectory;
  readonly #ports: BrokerPorts;
  readonly #config: Readonly<Record<string, string>>;
  readonly #processes: BrokerProcesses;
  #imported = false;

  constructor(
    scripts: string,
    directory: BrokerDirectory,
    ports: BrokerPorts,
    config: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>>,
  ) {
    this.#scripts = scripts;
    this.#directory = directory;
    this.#ports = ports;
    this.#config = config;
    this.env = env;
    this.#processes = new BrokerProcesses(scripts, directory, ports, this.env);
  }

  get port() {
    return this.#ports.amqp;
  }
  get tlsPort() {
    return this.#ports.tls;
  }
  get managementPort() {
    return this.#ports.management;
  }
  get nodename() {
    return this.#directory.nodename;
  }
  get epmdPort() {
    return this.#ports.epmd;
  }
  get directory() {
    return this.#directory.path;
  }
  get pid() {
    return this.#processes.node.pid;
  }
  get ended() {
    return this.#processes.node.ended;
  }

  ctl(args: readonly string[]) {
    return run(`${this.#scripts}/rabbitmqctl`, args, { env: this.env });
  }

  rpcEval(expression: string) {
    return evaluate(expression, this.#ports.dist, this.env);
  }

  async api(method: string, path: string, body?: unknown) {
    if (this.#ports.management === undefined) throw new Error('this broker was started without management');
    return callApi(this.#ports.management, method, path, body);
  }

  async start(signal?: AbortSignal) {
    await this.#processes.start(signal);
    if (this.#imported) return;
    this.#imported = true;
    // A restart must not undo what happened since: a deleted user stays deleted.
    await writeConfig(this.#directory, this.#config);
  }

  async kill() {
    await this.#processes.endNode('SIGKILL');
  }

  async stop() {
    await this.#processes.endNode('SIGTERM');
  }

  suspend() {
    const { node } = this.#processes;
    node.signal('SIGSTOP');
    waitUntilStopped(node.pid);
  }

  resume() {
    this.#processes.node.signal('SIGCONT');
  }

  async close() {
    if (!this.#directory.temporary) await this.#processes.endNode('SIGTERM', CLOSE_GRACE_MS);
    await this.#processes.close();
    this.#ports.release();
    await giveUpDirectory(this.#directory);
  }
}

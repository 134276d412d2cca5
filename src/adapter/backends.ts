import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import type { Log } from '../handler/log.ts';
import { report, type StartOrder } from './backend-messages.ts';
import { describe, type Listener } from './listener.ts';

/** What every backend is started with; each has a slot and a listener of its own besides. */
export type BackendSettings = Omit<StartOrder, 'kind' | 'slot'>;

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;

/** One that lived for longer than this did not die of how it was started. */
const STABLE_MS = 30_000;

/** What a backend may take beyond drain_timeout before it is killed. */
const STOP_SLACK_MS = 2_000;

/** Beside this file: source or built, as this one is. */
const PROGRAM = fileURLToPath(new URL(import.meta.url.replace(/backends(\.[jt]s)$/, 'backend$1')));

/** One backend's place: a listener and a worker number, and the process that fills it at the moment. */
export class Backend {
  readonly #listener: Listener;
  readonly #worker: number;
  readonly #settings: BackendSettings;
  readonly #log: Log;
  #process: ChildProcess | undefined;
  #stopping = false;
  #backoff = FIRST_BACKOFF_MS;
  #restart: NodeJS.Timeout | undefined;

  constructor(listener: Listener, worker: number, settings: BackendSettings, log: Log) {
    this.#listener = listener;
    this.#worker = worker;
    this.#settings = settings;
    this.#log = log;
  }

  /** Resolves to undefined when it serves, or to why it cannot. From then on it is replaced when it dies. */
  async start(): Promise<string | undefined> {
    const failure = await this.#spawn();
    if (failure === undefined) this.#watch();
    return failure;
  }

  /** Drains it, and kills it where that takes longer than drain_timeout. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.send({ kind: 'drain' }, () => {});
    const timer = setTimeout(
      () => child.kill('SIGKILL'),
      this.#settings.config.httpServer.drainTimeoutMs + STOP_SLACK_MS,
    );
    await exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.#stopping = true;
    this.#process?.kill('SIGKILL');
  }

  #spawn(): Promise<string | undefined> {
    const child = fork(PROGRAM, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process = child;
    const { address, handle } = this.#listener;
    const slot = {
      port: 'path' in address ? address.path : address.port,
      worker: this.#worker,
    };
    const order: StartOrder = { kind: 'start', slot, ...this.#settings };
    child.send(order, handle, {}, () => {});
    return new Promise((resolve) => {
      child.on('message', (message) => {
        const told = v.parse(report, message);
        resolve(told.kind === 'ready' ? undefined : `${describe(address)}: ${told.reason}`);
      });
      child.once('exit', (code, signal) => resolve(`the backend ended with ${signal ?? code}`));
    });
  }

  #watch(): void {
    const startedAt = performance.now();
    this.#process?.once('exit', (code, signal) => {
      if (this.#stopping) return;
      if (performance.now() - startedAt > STABLE_MS) this.#backoff = FIRST_BACKOFF_MS;
      this.#log('error', 'a backend died and is replaced', {
        listener: describe(this.#listener.address),
        cause: String(signal ?? code),
        in_ms: this.#backoff,
      });
      this.#restart = setTimeout(() => void this.#respawn(), this.#backoff);
      this.#backoff = Math.min(MAX_BACKOFF_MS, this.#backoff * 2);
    });
  }

  async #respawn(): Promise<void> {
    const spawned = this.#spawn();
    this.#watch();
    const failure = await spawned;
    if (failure !== undefined) this.#log('error', 'a backend could not be started', { cause: failure });
  }
}

import type { ChildProcess } from 'node:child_process';
import type { Log } from '../../handler/log.ts';
import type { Snapshot, Survey } from '../statistics/snapshot.ts';
import { type Order, parseReport, type Report, type Start } from './backend-messages.ts';
import { Inquiries } from './inquiries.ts';
import { describe, type Listener } from './listener.ts';

/** What every backend is started with; each has a slot and a listener of its own besides. */
export type BackendSettings = Omit<Start, 'slot'>;

/** Why a backend does not serve. */
export interface StartFailure {
  readonly reason: string;
  /** The system's, where there is one: `EADDRINUSE`. */
  readonly code?: string;
}

/** What a backend asks of the supervisor. */
export interface BackendHost {
  /** Starts a process that becomes a backend when it is told which one. */
  fork(): ChildProcess;
  readonly log: Log;
  /** Asks all backends, this one among them. */
  survey(): Promise<Survey>;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;

/** One that lived for longer than this did not die of how it was started. */
const STABLE_MS = 30_000;

/** What a backend may take beyond its own time-outs before it is killed. */
const SLACK_MS = 2_000;

/** For a backend to tell its state; one that is so busy is told of as silent. */
const SNAPSHOT_MS = 1_000;

/** One backend's place: a listener and a worker number, and the process that fills it at the moment. */
export class Backend {
  readonly listener: Listener;
  readonly worker: number;
  readonly #host: BackendHost;
  readonly #snapshots = new Inquiries<Snapshot>();
  readonly #retiring = new Set<ChildProcess>();
  #settings: BackendSettings;
  #process: ChildProcess | undefined;
  #stopping = false;
  #backoff = FIRST_BACKOFF_MS;
  #restart: NodeJS.Timeout | undefined;

  constructor(listener: Listener, worker: number, settings: BackendSettings, host: BackendHost) {
    this.listener = listener;
    this.worker = worker;
    this.#settings = settings;
    this.#host = host;
  }

  /** `/stats`' `port`. */
  get port(): number | string {
    const { address } = this.listener;
    return 'path' in address ? address.path : address.port;
  }

  /** Resolves to undefined when it serves, or to why it cannot. From then on it is replaced when it dies. */
  async start(): Promise<StartFailure | undefined> {
    const { child, failure } = this.#spawn();
    this.#process = child;
    const failed = await failure;
    if (failed === undefined) this.#watch(child);
    return failed;
  }

  /** Replaces the process by one with other settings; the old one goes on until its connections have ended. */
  async roll(settings: BackendSettings): Promise<StartFailure | undefined> {
    const previous = this.#settings;
    this.#settings = settings;
    const { child, failure } = this.#spawn();
    const failed = await failure;
    if (failed !== undefined || this.#stopping) {
      this.#settings = previous;
      child.kill('SIGKILL');
      return failed;
    }
    // Which may be another than when the roll began, if that one died meanwhile.
    clearTimeout(this.#restart);
    const old = this.#process;
    this.#process = child;
    this.#watch(child);
    if (old) this.#retire(old, previous);
    return undefined;
  }

  /** Like a roll without a successor. */
  retire(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    if (this.#process) this.#retire(this.#process, this.#settings);
  }

  /** Drains it, and kills it where that takes longer than drain_timeout. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const { drainTimeoutMs } = this.#settings.config.httpServer;
    await Promise.all(this.#processes().map((child) => end(child, { kind: 'drain' }, drainTimeoutMs + SLACK_MS)));
  }

  /** Its state, or undefined where it does not answer. */
  snapshot(): Promise<Snapshot | undefined> {
    const child = this.#process;
    if (!child?.connected) return Promise.resolve(undefined);
    return this.#snapshots.ask((id) => send(child, { kind: 'snapshot', id }), SNAPSHOT_MS);
  }

  kill(): void {
    this.#stopping = true;
    for (const child of this.#processes()) child.kill('SIGKILL');
  }

  #processes(): ChildProcess[] {
    return [...this.#retiring, ...(this.#process ? [this.#process] : [])];
  }

  #retire(child: ChildProcess, { config }: BackendSettings): void {
    this.#retiring.add(child);
    const { keepAliveTimeoutMs, requestTimeoutMs, drainTimeoutMs } = config.httpServer;
    const withinMs = keepAliveTimeoutMs + requestTimeoutMs + drainTimeoutMs + SLACK_MS;
    void end(child, { kind: 'retire' }, withinMs).then(() => this.#retiring.delete(child));
  }

  #spawn(): { readonly child: ChildProcess; readonly failure: Promise<StartFailure | undefined> } {
    const child = this.#host.fork();
    const { address, handle } = this.listener;
    const slot = { port: this.port, worker: this.worker };
    const order: Order = { kind: 'start', start: { slot, ...this.#settings } };
    child.send(order, handle, {}, () => {});
    const failure = new Promise<StartFailure | undefined>((resolve) => {
      child.on('message', (message) => {
        const report = parseReport(message);
        if (report.kind === 'ready') resolve(undefined);
        else if (report.kind === 'failed')
          resolve({ reason: `${describe(address)}: ${report.reason}`, code: report.code });
        else void this.#onReport(child, report);
      });
      child.once('exit', (code, signal) => resolve({ reason: `the backend ended with ${signal ?? code}` }));
      // The process could not be made: too many of them, no memory. There is no exit then.
      child.once('error', (error) => resolve({ reason: error.message }));
    });
    return { child, failure };
  }

  async #onReport(child: ChildProcess, report: Extract<Report, { readonly id: number }>): Promise<void> {
    const { id } = report;
    if (report.kind === 'snapshot') this.#snapshots.settle(id, report.snapshot);
    else send(child, { kind: 'survey', id, survey: await this.#host.survey() });
  }

  #watch(child: ChildProcess): void {
    const startedAt = performance.now();
    const onExit = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (this.#stopping || child !== this.#process) return;
      if (performance.now() - startedAt > STABLE_MS) this.#backoff = FIRST_BACKOFF_MS;
      this.#host.log('error', 'a backend died and is replaced', {
        listener: describe(this.listener.address),
        cause: String(signal ?? code),
        in_ms: this.#backoff,
      });
      this.#restart = setTimeout(() => void this.#respawn(), this.#backoff);
      this.#backoff = Math.min(MAX_BACKOFF_MS, this.#backoff * 2);
    };
    if (hasEnded(child)) onExit(child.exitCode, child.signalCode);
    else child.once('exit', onExit);
  }

  async #respawn(): Promise<void> {
    const { child, failure } = this.#spawn();
    this.#process = child;
    this.#watch(child);
    const failed = await failure;
    if (failed !== undefined) this.#host.log('error', 'a backend could not be started', { cause: failed.reason });
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** One that is gone does not mind. */
function send(child: ChildProcess, order: Order): void {
  child.send(order, () => {});
}

/** Asks a process to end, and kills it where it does not in time. */
async function end(child: ChildProcess, order: Order, withinMs: number): Promise<void> {
  if (hasEnded(child)) return;
  // Not events.once, which would reject where the process may not be killed.
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  send(child, order);
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  await exited;
  clearTimeout(timer);
}

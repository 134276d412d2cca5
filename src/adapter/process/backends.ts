import type { ChildProcess } from 'node:child_process';
import type { Log } from '../../handler/log.ts';
import type { Snapshot, Survey } from '../statistics/snapshot.ts';
import type { Throttle } from '../throttle/throttle.ts';
import { type Order, parseReport, type Report, type Start } from './backend-messages.ts';
import { Inquiries } from './inquiries.ts';
import { type BoundSocket, describe, type Listener } from './listener.ts';
import { ThrottleDoor } from './throttle-door.ts';

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
  /** Counts refused logins, for all backends together. */
  readonly throttle: Throttle;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;

/** One that lived for longer than this did not die of how it was started. */
const STABLE_MS = 30_000;

/** What a backend may take beyond its own time-outs before it is killed. */
const SLACK_MS = 2_000;

/** For a backend to tell its state; one that is so busy is told of as silent. */
const SNAPSHOT_MS = 1_000;

/** For a backend to accept what the kernel has queued; one that is so busy is killed. */
const RELEASE_MS = 5_000;

/**
 * Processes of one backend that may leave idle connections to their clients at a time. Whoever reloads often has more
 * clients with idle connections on older ones: the oldest closes them before another roll.
 */
const MAX_RETIRING = 2;

/** One backend's place: a listener and a worker number, and the process that fills it at the moment. */
export class Backend {
  readonly listener: Listener;
  readonly worker: number;
  readonly #host: BackendHost;
  readonly #snapshots = new Inquiries<Snapshot>();
  readonly #retiring = new Set<ChildProcess>();
  #settings: BackendSettings;
  /** Forked, and not yet told what to do. */
  #prepared: ChildProcess | undefined;
  #process: ChildProcess | undefined;
  #announced = false;
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

  /** Begins to load its program. */
  prepare(): void {
    this.#prepared ??= this.#host.fork();
  }

  /**
   * Has the kernel queue connections on sockets for whoever will accept them; its own need not be among them. Resolves
   * to undefined when that is so, or to why it cannot be. It is no backend yet.
   */
  async listen(sockets: readonly BoundSocket[]): Promise<StartFailure | undefined> {
    this.prepare();
    const child = this.#prepared;
    if (!child) return undefined;
    const listening = this.#outcomeOf(child, 'listening');
    sendSockets(child, sockets);
    send(child, { kind: 'listen' });
    return listening;
  }

  /** Resolves to undefined when it serves, or to why it cannot. From then on it is replaced when it dies. */
  async start(): Promise<StartFailure | undefined> {
    const { child, failure } = this.#spawn();
    this.#process = child;
    const failed = await failure;
    if (failed === undefined) this.#watch(child);
    return failed;
  }

  /** Replaces the process by one with these settings; the old one goes on until its connections have ended. */
  async roll(settings = this.#settings): Promise<StartFailure | undefined> {
    await this.#makeRoom();
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

  /** Has it accept no more, and go on with the connections that it has. Resolves when no process of it listens. */
  async release(): Promise<void> {
    await Promise.all(
      this.#processes().map(async (child) => {
        if (hasEnded(child)) return;
        const released = this.#outcomeOf(child, 'released');
        send(child, { kind: 'release' });
        const timer = setTimeout(() => child.kill('SIGKILL'), RELEASE_MS);
        await released;
        clearTimeout(timer);
      }),
    );
  }

  /** Has it say on `/readyz` that a stop is coming. */
  announce(): void {
    this.#announced = true;
    for (const child of this.#processes()) send(child, { kind: 'announce' });
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
    this.#prepared?.kill('SIGKILL');
    for (const child of this.#processes()) child.kill('SIGKILL');
  }

  #processes(): ChildProcess[] {
    return [...this.#retiring, ...(this.#process ? [this.#process] : [])];
  }

  /** Has the oldest ones end as if the program was stopped: with what is in flight, and without idle connections. */
  async #makeRoom(): Promise<void> {
    const tooMany = [...this.#retiring].slice(0, Math.max(0, this.#retiring.size + 1 - MAX_RETIRING));
    const { drainTimeoutMs } = this.#settings.config.httpServer;
    await Promise.all(tooMany.map((child) => end(child, { kind: 'drain' }, drainTimeoutMs + SLACK_MS)));
  }

  #retire(child: ChildProcess, { config }: BackendSettings): void {
    this.#retiring.add(child);
    const { keepAliveTimeoutMs, requestTimeoutMs, drainTimeoutMs } = config.httpServer;
    const withinMs = keepAliveTimeoutMs + requestTimeoutMs + drainTimeoutMs + SLACK_MS;
    void end(child, { kind: 'retire' }, withinMs).then(() => this.#retiring.delete(child));
  }

  #spawn(): { readonly child: ChildProcess; readonly failure: Promise<StartFailure | undefined> } {
    this.prepare();
    const child = this.#prepared ?? this.#host.fork();
    this.#prepared = undefined;
    const failure = this.#outcomeOf(child, 'ready').then((failed) => {
      if (this.#announced) send(child, { kind: 'announce' });
      return failed;
    });
    const door = new ThrottleDoor(this.#host.throttle, (answer) => send(child, answer));
    child.once('exit', () => door.close());
    let isNonsenseLogged = false;
    child.on('message', (message) => {
      const report = parseReport(message);
      if (report !== undefined) {
        if ('id' in report) void this.#onReport(child, report, door);
        return;
      }
      if (!isNonsenseLogged) this.#logFault(child, 'it sends messages that are none, which are ignored');
      isNonsenseLogged = true;
    });
    child.on('error', ({ message }) => this.#logFault(child, message));
    sendSockets(child, this.listener.sockets);
    send(child, { kind: 'start', start: { slot: { port: this.port, worker: this.worker }, ...this.#settings } });
    return { child, failure };
  }

  async #outcomeOf(child: ChildProcess, kind: Report['kind']): Promise<StartFailure | undefined> {
    const failed = await outcomeOf(child, kind);
    return failed?.code === undefined
      ? failed
      : { ...failed, reason: `${describe(this.listener.address)}: ${failed.reason}` };
  }

  #logFault(child: ChildProcess, cause: string): void {
    const listener = describe(this.listener.address);
    this.#host.log('error', 'a backend is not as it should be', { listener, pid: child.pid, cause });
  }

  async #onReport(
    child: ChildProcess,
    report: Extract<Report, { readonly id: number }>,
    door: ThrottleDoor,
  ): Promise<void> {
    switch (report.kind) {
      case 'snapshot':
        return this.#snapshots.settle(report.id, report.snapshot);
      case 'survey':
        return send(child, { kind: 'survey', id: report.id, survey: await this.#host.survey() });
      case 'login':
        return door.ask(report);
      case 'login-ended':
        return door.report(report);
    }
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

/** Resolves to undefined when the process reports this, or to why it will not. */
export function outcomeOf(child: ChildProcess, kind: Report['kind']): Promise<StartFailure | undefined> {
  return new Promise((resolve) => {
    const settle = (failure?: StartFailure): void => {
      child.off('message', onMessage).off('exit', onExit).off('error', onError);
      resolve(failure);
    };
    const onMessage = (message: unknown): void => {
      const report = parseReport(message);
      if (report?.kind === kind) settle();
      else if (report?.kind === 'failed') settle({ reason: report.reason, code: report.code });
    };
    const onExit = (code: number | null, signal: NodeJS.Signals | null): void =>
      settle({ reason: `the backend ended with ${signal ?? code}` });
    // The process could not be made: too many of them, no memory. There is no exit then.
    const onError = (error: Error): void => settle({ reason: error.message });
    child.on('message', onMessage).on('exit', onExit).on('error', onError);
  });
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** One that is gone does not mind. */
function send(child: ChildProcess, order: Order): void {
  child.send(order, () => {});
}

/** With the same message each, for a message carries one. */
function sendSockets(child: ChildProcess, sockets: readonly BoundSocket[]): void {
  const order: Order = { kind: 'socket' };
  for (const { handle } of sockets) child.send(order, handle, {}, () => {});
}

/** Asks a process to end, and kills it where it does not in time. */
async function end(child: ChildProcess, order: Order, withinMs: number): Promise<void> {
  if (hasEnded(child)) return;
  // Not events.once, which would reject where the process may not be killed. What it said at last has been read, then.
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  send(child, order);
  const timer = setTimeout(() => child.kill('SIGKILL'), withinMs);
  await exited;
  clearTimeout(timer);
}

import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import type { Log, LogFields } from '../../handler/log.ts';
import { droppedRecords } from '../logging/logging.ts';
import type { Survey } from '../statistics/snapshot.ts';
import { LoginThrottle } from '../throttle/login-throttle.ts';
import type { Identity } from './backend-messages.ts';
import { Backend, type BackendHost, type BackendSettings, outcomeOf, type StartFailure } from './backends.ts';
import { bindAll } from './bind-all.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { identityOf } from './identity.ts';
import { readKeys } from './keys.ts';
import { type BoundSocket, describe, type ListenAddress, type Listener } from './listener.ts';
import { stateOf } from './state-line.ts';

export interface Failure {
  readonly ok: false;
  readonly exitCode: number;
  readonly reason: string;
}

type Outcome<Value> = { readonly ok: true; readonly value: Value } | Failure;

export type SupervisorOutcome = Outcome<Supervisor>;

/** Owns the listeners and the backends behind them, one for each port, socket and worker. */
export class Supervisor {
  readonly #fork: () => ChildProcess;
  readonly #log: Log;
  /** Outlives all backends. */
  readonly #throttle = new LoginThrottle();
  #listeners: readonly Listener[] = [];
  #backends: readonly Backend[] = [];
  #survey: Promise<Survey> | undefined;
  #shutdownDelayMs = 0;
  /** Has its program loaded before it is needed. */
  #spare: ChildProcess | undefined;

  private constructor(fork: () => ChildProcess, log: Log) {
    this.#fork = fork;
    this.#log = log;
  }

  /**
   * Binds everything before it starts anything.
   *
   * @param fork starts a process that becomes a backend when it is told which one
   */
  static async start(fork: () => ChildProcess, config: Config, log: Log): Promise<SupervisorOutcome> {
    const supervisor = new Supervisor(fork, log);
    const outcome = await supervisor.#configure(config);
    if (outcome.ok) return { ok: true, value: supervisor };
    await supervisor.stop();
    return outcome;
  }

  /** Rolls all backends one by one. What cannot be had leaves everything as it is. */
  reload(config: Config): Promise<Outcome<void>> {
    return this.#configure(config);
  }

  /** What it listens on, for people. */
  get listening(): readonly string[] {
    return this.#listeners.map(({ address }) => describe(address));
  }

  /** What a line of the log can say of it all. */
  async state(): Promise<LogFields> {
    const state = stateOf(await this.#surveyOnce());
    return { listening: this.listening.join(', '), ...state, log_records_dropped: droppedRecords() };
  }

  /** Goes on as before for shutdown_delay, then lets all finish what is in flight. */
  async stop(): Promise<void> {
    for (const backend of this.#backends) backend.announce();
    await delay(this.#shutdownDelayMs);
    // No backend is left to accept, so nobody may queue.
    closeSockets(this.#listeners.flatMap(({ sockets }) => sockets));
    await Promise.all(this.#backends.map((backend) => backend.stop()));
  }

  kill(): void {
    for (const backend of this.#backends) backend.kill();
  }

  async #configure(config: Config): Promise<Outcome<void>> {
    const settings = settingsFor(config, this.#log);
    if (!settings.ok) return settings;
    const previous = { listeners: this.#listeners, backends: this.#backends };
    const binding = await bindAll(addressesOf(config), previous.listeners, (sockets) => this.#release(sockets));
    if (!binding.ok) {
      await this.#takeBack(binding.displaced);
      return { ok: false, exitCode: EXIT.addressTaken, reason: binding.reason };
    }

    this.#listeners = binding.listeners;
    this.#backends = binding.listeners
      .flatMap((listener) => workersOf(listener, config))
      .map(
        ({ listener, worker }) =>
          previous.backends.find((backend) => backend.listener === listener && backend.worker === worker) ??
          new Backend(listener, worker, settings.value, this.#host()),
      );
    const added = this.#backends.filter((backend) => !previous.backends.includes(backend));
    const failure = await startAll(added, binding.bound);
    if (failure !== undefined) {
      for (const backend of added) backend.kill();
      closeSockets(binding.bound);
      this.#listeners = previous.listeners;
      this.#backends = previous.backends;
      await this.#takeBack(binding.displaced);
      return { ok: false, ...ending(failure) };
    }

    for (const backend of previous.backends) {
      if (!this.#backends.includes(backend)) backend.retire();
      else {
        const failed = await backend.roll(settings.value);
        if (failed !== undefined) return { ok: false, ...ending(failed) };
      }
    }
    const kept = this.#listeners.flatMap(({ sockets }) => sockets);
    closeSockets(previous.listeners.flatMap(({ sockets }) => sockets).filter((socket) => !kept.includes(socket)));
    this.#shutdownDelayMs = config.httpServer.shutdownDelayMs;
    for (const address of this.listening) this.#log('info', `listening on ${address}`);
    return { ok: true, value: undefined };
  }

  /**
   * Closes sockets everywhere. From then on nobody listens there until others are bound in their place: about a
   * millisecond, for the process that will listen on those has its program loaded.
   */
  async #release(sockets: readonly BoundSocket[]): Promise<void> {
    this.#spare = this.#fork();
    await outcomeOf(this.#spare, 'loaded');
    // Where this is the last one to go, connections still queue between it and the others, and are reset.
    closeSockets(sockets);
    await Promise.all(this.#backendsOn(sockets).map((backend) => backend.release()));
  }

  /** After a release that was for nothing. */
  async #takeBack(sockets: readonly BoundSocket[]): Promise<void> {
    for (const socket of sockets) {
      const failed = await socket.bindAgain();
      if (failed) this.#log('error', 'a port was given up and cannot be had again', { reason: failed.reason });
    }
    for (const backend of this.#backendsOn(sockets)) {
      const failed = await backend.roll();
      if (failed) this.#log('error', 'a backend could not be started', { cause: failed.reason });
    }
  }

  #backendsOn(sockets: readonly BoundSocket[]): Backend[] {
    return this.#backends.filter(({ listener }) => listener.sockets.some((socket) => sockets.includes(socket)));
  }

  #forkOne(): ChildProcess {
    const child = this.#spare?.connected ? this.#spare : this.#fork();
    this.#spare = undefined;
    return child;
  }

  #host(): BackendHost {
    return {
      fork: () => this.#forkOne(),
      log: this.#log,
      survey: () => this.#surveyOnce(),
      throttle: this.#throttle,
    };
  }

  /** However many ask, the backends are asked one survey at a time. */
  #surveyOnce(): Promise<Survey> {
    this.#survey ??= survey(this.#backends).finally(() => {
      this.#survey = undefined;
    });
    return this.#survey;
  }
}

/**
 * The first one has the kernel queue connections on all new sockets, so that none is refused while another is served
 * already. All load their program meanwhile.
 */
async function startAll(added: readonly Backend[], bound: readonly BoundSocket[]): Promise<StartFailure | undefined> {
  for (const backend of added) backend.prepare();
  const failed = await added[0]?.listen(bound);
  if (failed !== undefined) return failed;
  return (await Promise.all(added.map((backend) => backend.start()))).find((failure) => failure !== undefined);
}

function closeSockets(sockets: readonly BoundSocket[]): void {
  for (const socket of sockets) socket.close();
}

function ending({ reason, code = '' }: StartFailure): Pick<Failure, 'exitCode' | 'reason'> {
  return { reason, exitCode: exitCodeFor(code) };
}

async function survey(backends: readonly Backend[]): Promise<Survey> {
  const answers = await Promise.all(backends.map(async (backend) => ({ backend, snapshot: await backend.snapshot() })));
  return {
    snapshots: answers.flatMap(({ snapshot }) => snapshot ?? []),
    silent: answers.flatMap(({ backend: { port, worker }, snapshot }) => (snapshot ? [] : { port, worker })),
  };
}

export function addressesOf({ httpServer }: Config): ListenAddress[] {
  return [
    ...httpServer.ports.map((port) => ({ host: httpServer.address, port })),
    ...httpServer.sockets.map((path) => ({ path })),
  ];
}

function workersOf(listener: Listener, { httpServer }: Config): { listener: Listener; worker: number }[] {
  const workers = 'path' in listener.address ? 1 : httpServer.workers;
  return Array.from({ length: workers }, (_, worker) => ({ listener, worker }));
}

/** What all backends start with, or all that is wrong with the files and names that the configuration refers to. */
export function settingsFor(config: Config, log: Log): Outcome<BackendSettings> {
  const keys = readKeys(config);
  const identity = identityFor(config, log);
  if (keys.ok && identity.ok) return { ok: true, value: { config, keys: keys.keys, identity: identity.value } };
  const reasons = [...(keys.ok ? [] : [keys.problem]), ...(identity.ok ? [] : [identity.reason])];
  return { ok: false, exitCode: EXIT.config, reason: reasons.join('\n') };
}

/** Whom the backends become. Undefined where they stay who the supervisor is. */
function identityFor({ daemon: { user, group } }: Config, log: Log): Outcome<Identity | undefined> {
  if (user === undefined && group === undefined) return { ok: true, value: undefined };
  const outcome = identityOf(user, group);
  if (process.getuid?.() === 0) {
    if (outcome.ok) return { ok: true, value: outcome.identity };
    return { ok: false, exitCode: EXIT.config, reason: outcome.problem };
  }
  // Under systemd's DynamicUser= the one in the file need not even be there.
  const isSo =
    outcome.ok &&
    process.getuid?.() === outcome.identity.uid &&
    (group === undefined || process.getgid?.() === outcome.identity.gid);
  if (!isSo) log('warning', 'not started as root, so Daemon.user is not changed to', { user, group });
  return { ok: true, value: undefined };
}

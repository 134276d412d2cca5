import type { ChildProcess } from 'node:child_process';
import type { Config } from '../../config/config.ts';
import type { Log } from '../../handler/log.ts';
import type { Survey } from '../statistics/snapshot.ts';
import type { Identity } from './backend-messages.ts';
import { Backend, type BackendHost, type BackendSettings, type StartFailure } from './backends.ts';
import { EXIT, exitCodeFor } from './exit-codes.ts';
import { identityOf } from './identity.ts';
import { readKeys } from './keys.ts';
import { bind, describe, type ListenAddress, type Listener } from './listener.ts';

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
  #listeners: readonly Listener[] = [];
  #backends: readonly Backend[] = [];
  #survey: Promise<Survey> | undefined;

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

  /** Lets all finish what is in flight. */
  async stop(): Promise<void> {
    // No backend is left to accept, so nobody may queue.
    for (const listener of this.#listeners) listener.close();
    await Promise.all(this.#backends.map((backend) => backend.stop()));
  }

  kill(): void {
    for (const backend of this.#backends) backend.kill();
  }

  async #configure(config: Config): Promise<Outcome<void>> {
    const settings = settingsFor(config, this.#log);
    if (!settings.ok) return settings;
    const listeners = await this.#bindAll(addressesOf(config));
    if (!listeners.ok) return listeners;

    const previous = { listeners: this.#listeners, backends: this.#backends };
    this.#listeners = listeners.value;
    this.#backends = listeners.value
      .flatMap((listener) => workersOf(listener, config))
      .map(
        ({ listener, worker }) =>
          previous.backends.find((backend) => backend.listener === listener && backend.worker === worker) ??
          new Backend(listener, worker, settings.value, this.#host()),
      );
    const added = this.#backends.filter((backend) => !previous.backends.includes(backend));
    const failure = (await Promise.all(added.map((backend) => backend.start()))).find((failed) => failed !== undefined);
    if (failure !== undefined) {
      for (const backend of added) backend.kill();
      for (const listener of listeners.value) if (!previous.listeners.includes(listener)) listener.close();
      this.#listeners = previous.listeners;
      this.#backends = previous.backends;
      return { ok: false, ...ending(failure) };
    }

    for (const backend of previous.backends) {
      if (!this.#backends.includes(backend)) backend.retire();
      else {
        const failed = await backend.roll(settings.value);
        if (failed !== undefined) return { ok: false, ...ending(failed) };
      }
    }
    for (const listener of previous.listeners) if (!this.#listeners.includes(listener)) listener.close();
    for (const address of this.listening) this.#log('info', `listening on ${address}`);
    return { ok: true, value: undefined };
  }

  #host(): BackendHost {
    return { fork: this.#fork, log: this.#log, survey: () => this.#surveyOnce() };
  }

  /** However many ask, the backends are asked one survey at a time. */
  #surveyOnce(): Promise<Survey> {
    this.#survey ??= survey(this.#backends).finally(() => {
      this.#survey = undefined;
    });
    return this.#survey;
  }

  /** Those that are bound already stay; the others are bound, all or none. */
  async #bindAll(addresses: readonly ListenAddress[]): Promise<Outcome<readonly Listener[]>> {
    const listeners: Listener[] = [];
    const bound: Listener[] = [];
    for (const address of addresses) {
      const existing = this.#listeners.find((listener) => describe(listener.address) === describe(address));
      const outcome = existing ? { ok: true as const, listener: existing } : await bind(address);
      if (!outcome.ok) {
        for (const listener of bound) listener.close();
        const reason = `cannot listen on ${describe(address)}: ${outcome.reason}`;
        return { ok: false, exitCode: EXIT.addressTaken, reason };
      }
      if (!existing) bound.push(outcome.listener);
      listeners.push(outcome.listener);
    }
    return { ok: true, value: listeners };
  }
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
  if (!outcome.ok) return { ok: false, exitCode: EXIT.config, reason: outcome.problem };
  const { identity } = outcome;
  if (process.getuid?.() === 0) return { ok: true, value: identity };
  if (process.getuid?.() !== identity.uid || (group !== undefined && process.getgid?.() !== identity.gid))
    log('warning', 'not started as root, so Daemon.user is not changed to', { user, group });
  return { ok: true, value: undefined };
}

import type { Config } from '../config/config.ts';
import type { Log } from '../handler/log.ts';
import type { Identity } from './backend-messages.ts';
import { Backend } from './backends.ts';
import { EXIT } from './exit-codes.ts';
import { identityOf } from './identity.ts';
import { type Keys, readKeys } from './keys.ts';
import { bind, describe, type ListenAddress, type Listener } from './listener.ts';

export type StartOutcome = { readonly ok: true; readonly supervisor: Supervisor } | StartFailure;
export interface StartFailure {
  readonly ok: false;
  readonly exitCode: number;
  readonly reason: string;
}

/** Owns the listeners and the backends behind them, one for each port, socket and worker. */
export class Supervisor {
  readonly #listeners: readonly Listener[];
  readonly #backends: readonly Backend[];

  private constructor(listeners: readonly Listener[], backends: readonly Backend[]) {
    this.#listeners = listeners;
    this.#backends = backends;
  }

  /** Binds everything before it starts anything. */
  static async start(config: Config, log: Log): Promise<StartOutcome> {
    const keys = readKeys(config);
    if (!keys.ok) return { ok: false, exitCode: EXIT.config, reason: keys.problem };
    const identity = identityFor(config, log);
    if (!identity.ok) return identity;

    const listeners: Listener[] = [];
    for (const address of addressesOf(config)) {
      const outcome = await bind(address);
      if (!outcome.ok) {
        for (const listener of listeners) listener.close();
        return {
          ok: false,
          exitCode: EXIT.addressTaken,
          reason: `cannot listen on ${describe(address)}: ${outcome.reason}`,
        };
      }
      listeners.push(outcome.listener);
    }

    const backends = backendsFor(listeners, config, keys.keys, identity.identity, log);
    const supervisor = new Supervisor(listeners, backends);
    const failures = await Promise.all(backends.map((backend) => backend.start()));
    const failure = failures.find((reason) => reason !== undefined);
    if (failure !== undefined) {
      await supervisor.stop();
      return { ok: false, exitCode: EXIT.internal, reason: failure };
    }
    for (const { address } of listeners)
      log('info', `listening on ${describe(address)}`, {
        workers: config.httpServer.workers,
      });
    return { ok: true, supervisor };
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
}

function addressesOf({ httpServer }: Config): ListenAddress[] {
  return [
    ...httpServer.ports.map((port) => ({ host: httpServer.address, port })),
    ...httpServer.sockets.map((path) => ({ path })),
  ];
}

function backendsFor(
  listeners: readonly Listener[],
  config: Config,
  keys: Keys,
  identity: Identity | undefined,
  log: Log,
): Backend[] {
  const settings = {
    config,
    keys,
    identity,
    logLevel: config.application.debug ? 'debug' : 'info',
  } as const;
  return listeners.flatMap((listener) => {
    const workers = 'path' in listener.address ? 1 : config.httpServer.workers;
    return Array.from({ length: workers }, (_, worker) => new Backend(listener, worker, settings, log));
  });
}

type IdentityOutcome = { readonly ok: true; readonly identity: Identity | undefined } | StartFailure;

function identityFor({ daemon: { user } }: Config, log: Log): IdentityOutcome {
  if (user === undefined) return { ok: true, identity: undefined };
  const identity = identityOf(user);
  if (!identity)
    return {
      ok: false,
      exitCode: EXIT.config,
      reason: `Daemon.user: expected a system user; there is no ${user}`,
    };
  if (process.getuid?.() === 0) return { ok: true, identity };
  if (process.getuid?.() !== identity.uid)
    log('warning', 'not started as root, so Daemon.user is not changed to', {
      user,
    });
  return { ok: true, identity: undefined };
}

import type { ChildProcess } from 'node:child_process';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import type { ConfigResult } from '../../config/parse.ts';
import { formatProblem } from '../../config/problem.ts';
import type { Log } from '../../handler/log.ts';
import { EXIT } from './exit-codes.ts';
import type { Notifier } from './notify.ts';
import { Pidfile } from './pidfile.ts';
import { Supervisor, type SupervisorOutcome } from './supervisor.ts';

export interface DaemonOptions {
  /** Starts a process that becomes a backend when it is told which one. */
  readonly fork: () => ChildProcess;
  /** What it starts with. */
  readonly config: Config;
  /** Reads the configuration afresh; it is called for each reload. */
  readonly readConfig: () => ConfigResult;
  readonly log: Log;
  /** Is told how far it is. */
  readonly notifier: Notifier;
  /** Is told of a configuration that has taken the place of another. */
  readonly onReloaded: (config: Config) => void;
}

/** The program from its start to its end, as signals have it. */
export class Daemon {
  readonly #fork: () => ChildProcess;
  readonly #readConfig: () => ConfigResult;
  readonly #log: Log;
  readonly #notifier: Notifier;
  readonly #onReloaded: (config: Config) => void;
  readonly #starting: Promise<SupervisorOutcome>;
  #pidfile: Pidfile | undefined;
  #stopping = false;
  #reloading = false;
  #reloadAgain = false;

  constructor({ config, fork, readConfig, log, notifier, onReloaded }: DaemonOptions) {
    this.#fork = fork;
    this.#readConfig = readConfig;
    this.#log = log;
    this.#notifier = notifier;
    this.#onReloaded = onReloaded;
    // From the first line that it logs, signals are obeyed, also while it starts.
    for (const name of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(name, (signal) => void this.#stop(signal));
    // SIGUSR1 and SIGUSR2 as in 2013, when SIGALRM woke the program up.
    for (const name of ['SIGHUP', 'SIGUSR1'] as const) process.on(name, () => void this.#reload());
    process.on('SIGUSR2', () => void this.#tellState());
    process.on('SIGALRM', () => {});
    this.#starting = this.#start(config);
  }

  /** Resolves to why it could not start, or to undefined. */
  async run(): Promise<Extract<SupervisorOutcome, { readonly ok: false }> | undefined> {
    const outcome = await this.#starting;
    return outcome.ok ? undefined : outcome;
  }

  async #start(config: Config): Promise<SupervisorOutcome> {
    const written = writePidfile(config);
    if (!written.ok) return { ok: false, exitCode: EXIT.addressTaken, reason: written.reason };
    this.#pidfile = written.pidfile;
    const outcome = await Supervisor.start(this.#fork, config, this.#log);
    if (outcome.ok) this.#notifier.ready(listening(outcome.value));
    else this.#removePidfile();
    return outcome;
  }

  /** The first signal lets all finish, the second ends it. */
  async #stop(signal: NodeJS.Signals): Promise<void> {
    if (this.#stopping) {
      this.#log('warning', 'stopping at once', { signal });
      await Promise.race([this.#starting.then((outcome) => outcome.ok && outcome.value.kill()), nextTurn()]);
      process.exit(EXIT.internal);
    }
    this.#stopping = true;
    this.#log('info', 'stopping', { signal });
    this.#notifier.stopping();
    const outcome = await this.#starting;
    if (outcome.ok) await outcome.value.stop();
    this.#removePidfile();
    await this.#notifier.told;
    process.exit(EXIT.ok);
  }

  async #tellState(): Promise<void> {
    const started = await this.#starting;
    if (started.ok) this.#log('info', 'state', await started.value.state());
  }

  #removePidfile(): void {
    this.#pidfile?.remove();
    this.#pidfile = undefined;
  }

  /** One reload at a time; those asked for meanwhile are one more. */
  async #reload(): Promise<void> {
    this.#reloadAgain = true;
    if (this.#reloading) return;
    this.#reloading = true;
    while (this.#reloadAgain && !this.#stopping) {
      this.#reloadAgain = false;
      const started = await this.#starting;
      if (started.ok) await this.#reloadOnce(started.value);
    }
    this.#reloading = false;
  }

  async #reloadOnce(supervisor: Supervisor): Promise<void> {
    this.#notifier.reloading();
    const reason = await this.#configureAnew(supervisor);
    if (reason === undefined) this.#log('info', 'reloaded');
    else this.#log('error', 'not reloaded; the old configuration stays', { reason });
    const refusal = reason === undefined ? '' : `; not reloaded, the old configuration stays: ${reason}`;
    this.#notifier.ready(`${listening(supervisor)}${refusal}`);
  }

  /** Why nothing has changed, where nothing has. */
  async #configureAnew(supervisor: Supervisor): Promise<string | undefined> {
    const loaded = this.#readConfig();
    if (!loaded.ok) return loaded.problems.map(formatProblem).join('; ');
    const { pidfile: path } = loaded.config.daemon;
    const isKept = path === this.#pidfile?.path;
    const written = isKept ? { ok: true as const, pidfile: this.#pidfile } : writePidfile(loaded.config);
    if (!written.ok) return written.reason;
    const outcome = await supervisor.reload(loaded.config);
    if (!isKept) (outcome.ok ? this.#pidfile : written.pidfile)?.remove();
    if (outcome.ok) this.#pidfile = written.pidfile;
    if (!outcome.ok) return outcome.reason;
    this.#onReloaded(loaded.config);
    return undefined;
  }
}

/** Undefined where none is wanted. */
function writePidfile({
  daemon: { pidfile },
}: Config):
  | { readonly ok: true; readonly pidfile: Pidfile | undefined }
  | { readonly ok: false; readonly reason: string } {
  if (pidfile === undefined) return { ok: true, pidfile: undefined };
  const written = Pidfile.write(pidfile);
  return written.ok ? written : { ok: false, reason: `Daemon.pidfile: ${written.reason}` };
}

const listening = (supervisor: Supervisor): string => `listening on ${supervisor.listening.join(', ')}`;

import type { ChildProcess } from 'node:child_process';
import { configureLogging, openLogs } from './adapter/logging/logging.ts';
import { Daemon } from './adapter/process/daemon.ts';
import { EXIT } from './adapter/process/exit-codes.ts';
import { Notifier } from './adapter/process/notify.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { printConfig } from './config/print.ts';
import { formatProblem } from './config/problem.ts';

export interface Wishes {
  /** The configuration file; without one, the defaults and the environment. */
  readonly config?: string | undefined;
  /** Only to say what is in effect. */
  readonly check?: boolean;
  /** Starts a process that becomes a backend when it is told which one. */
  readonly fork: () => ChildProcess;
}

/** Why the program ends, and what it says. */
export interface End {
  readonly code: number;
  readonly text: string;
}

/** Serves until a signal ends the process. Resolves where there is nothing to serve, or it cannot be. */
export async function run({ config: file, check, fork }: Wishes): Promise<End> {
  const readConfig = () => loadConfig(file, process.env);
  const loaded = readConfig();
  if (!loaded.ok) return { code: EXIT.config, text: loaded.problems.map(formatProblem).join('\n') };
  const { config } = loaded;
  if (check) return { code: EXIT.ok, text: printConfig(config) };

  process.title = 'statelessd: supervisor';
  const logAsIn = ({ logging, application }: Config): void =>
    configureLogging(logging, application.debug, process.stderr);
  logAsIn(config);
  const log = openLogs().gateway;
  const notifier = new Notifier(process.env, log);
  const failure = await new Daemon({ config, fork, readConfig, log, notifier, onReloaded: logAsIn }).run();
  return failure ? { code: failure.exitCode, text: failure.reason } : new Promise(() => {});
}

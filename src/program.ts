import type { ChildProcess } from 'node:child_process';
import { createFiles } from './adapter/logging/create-files.ts';
import type { Owner } from './adapter/logging/file-outlet.ts';
import { configureLogging, openLogs } from './adapter/logging/logging.ts';
import { reopenStandardStreams } from './adapter/logging/standard-streams.ts';
import { Daemon } from './adapter/process/daemon.ts';
import { EXIT } from './adapter/process/exit-codes.ts';
import { identityOf } from './adapter/process/identity.ts';
import { Notifier } from './adapter/process/notify.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { isFile } from './config/logging.ts';
import type { ConfigResult } from './config/parse.ts';
import { printConfig } from './config/print.ts';
import { formatPath, formatProblem } from './config/problem.ts';

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
  const log = openLogs().gateway;
  const logAsIn = (current: Config, starting: boolean): void => {
    const { logging, application } = current;
    configureLogging(logging, application.debug, process.stderr, { owner: ownerOfFiles(current), starting });
    for (const { at, message } of logging?.warnings ?? []) log('warning', `${formatPath(at)}: ${message}`);
  };
  logAsIn(config, true);
  // Before the backends are replaced, so that the new ones have files that they may write.
  const readAgain = (): ConfigResult => {
    const again = readConfig();
    reopenStandardStreams();
    if (again.ok) createFiles(again.config.logging, again.config.application.debug, ownerOfFiles(again.config));
    return again;
  };
  const notifier = new Notifier(process.env, log);
  const failure = await new Daemon({
    config,
    fork,
    readConfig: readAgain,
    log,
    notifier,
    onReloaded: (reloaded) => logAsIn(reloaded, false),
  }).run();
  return failure ? { code: failure.exitCode, text: failure.reason } : new Promise(() => {});
}

/** Whom the backends become: they write the log files that this process makes as root. */
function ownerOfFiles({ daemon: { user }, logging }: Config): Owner | undefined {
  const hasFiles = [...(logging?.handlers.values() ?? [])].some(isFile);
  return hasFiles && user !== undefined && process.getuid?.() === 0 ? identityOf(user) : undefined;
}

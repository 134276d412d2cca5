import type { ChildProcess } from 'node:child_process';
import { tornadoTemplateIn } from './adapter/http/assets.ts';
import { createFiles } from './adapter/logging/create-files.ts';
import type { Owner } from './adapter/logging/log-file.ts';
import { configureLogging, openLogs } from './adapter/logging/logging.ts';
import { logNodeWarnings } from './adapter/logging/node-warnings.ts';
import type { StandardOutputs } from './adapter/logging/standard-output.ts';
import { reopenStandardStreams } from './adapter/logging/standard-streams.ts';
import { Daemon } from './adapter/process/daemon.ts';
import { EXIT } from './adapter/process/exit-codes.ts';
import { identityOf } from './adapter/process/identity.ts';
import { Notifier } from './adapter/process/notify.ts';
import { preflight } from './adapter/process/preflight.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { isFile } from './config/logging.ts';
import type { ConfigResult } from './config/parse.ts';
import { printConfig } from './config/print.ts';
import { type ConfigProblem, formatProblem } from './config/problem.ts';
import type { LogFields } from './handler/log.ts';

export interface Wishes {
  /** The configuration file; without one, the defaults and the environment. */
  readonly config?: string | undefined;
  /** Only to say what is in effect. */
  readonly check?: boolean;
  /** Instead of the file's Application.paths.base. */
  readonly path?: string | undefined;
  /** An option of 2013; it is only told that it does nothing. */
  readonly newrelic?: string | undefined;
  /** Starts a process that becomes a backend when it is told which one. */
  readonly fork: () => ChildProcess;
  readonly outputs: StandardOutputs;
}

/** Why the program ends, and what it says. */
export interface End {
  readonly code: number;
  readonly text: string;
  /** What goes to standard output before. */
  readonly printed?: string;
}

/** Serves until a signal ends the process. Resolves where there is nothing to serve, or it cannot be. */
export async function run({ config: file, check, path, newrelic, fork, outputs }: Wishes): Promise<End> {
  const environment = { ...(path !== undefined && { STATELESSD__APPLICATION__PATHS__BASE: path }), ...process.env };
  const readConfig = () => withTemplateWarning(loadConfig(file, environment));
  const loaded = readConfig();
  if (!loaded.ok) return { code: EXIT.config, text: loaded.problems.map(formatProblem).join('\n') };
  const { config } = loaded;
  const warnings = [...(newrelic === undefined ? [] : [NO_NEWRELIC]), ...loaded.warnings];
  if (check) return checked(config, warnings, outputs);

  process.title = 'statelessd: supervisor';
  const log = openLogs().gateway;
  logNodeWarnings(log);
  const logAsIn = (current: Config, starting: boolean): void => {
    const { logging, application } = current;
    configureLogging(logging, application.debug, outputs, { owner: ownerOfFiles(current), starting });
  };
  logAsIn(config, true);
  const warned = new Set<string>();
  const warn = (warning: ConfigProblem): void => {
    const { message: detail, ...place } = warning;
    // Its line may have moved meanwhile.
    const what = formatProblem({ ...warning, line: undefined });
    if (!warned.has(what)) log('warning', 'configuration warning', { ...place, detail });
    warned.add(what);
  };
  warnings.forEach(warn);
  const notifier = new Notifier(process.env, log);
  let latest: readonly ConfigProblem[] = [];
  const readAgain = (): ConfigResult => {
    const result = readConfig();
    reopenStandardStreams();
    if (!result.ok) return result;
    latest = result.warnings;
    // Before the backends are replaced, so that the new ones have files that they may write.
    createFiles(result.config.logging, result.config.application.debug, ownerOfFiles(result.config));
    return result;
  };
  const onReloaded = (reloaded: Config): void => {
    logAsIn(reloaded, false);
    latest.forEach(warn);
  };
  const failure = await new Daemon({ config, fork, readConfig: readAgain, log, notifier, onReloaded }).run();
  return failure ? { code: failure.exitCode, text: failure.reason } : new Promise(() => {});
}

/** Whom the backends become: they write the log files that this process makes as root. */
function ownerOfFiles({ daemon: { user, group }, logging }: Config): Owner | undefined {
  const hasFiles = [...(logging?.handlers.values() ?? [])].some(isFile);
  if (!hasFiles || (user === undefined && group === undefined) || process.getuid?.() !== 0) return undefined;
  const outcome = identityOf(user, group);
  return outcome.ok ? outcome.identity : undefined;
}

const NO_NEWRELIC: ConfigProblem = {
  file: 'the command line',
  line: undefined,
  key: '--newrelic',
  message: 'not used: /metrics has the figures',
};

/** Prints the configuration, which is valid, and beside it what a start would warn about, or be refused for. */
async function checked(config: Config, warnings: readonly ConfigProblem[], { stderr }: StandardOutputs): Promise<End> {
  const say = (line: string): void => stderr.write(Buffer.from(`warning: ${line}\n`));
  for (const warning of warnings) say(formatProblem(warning));
  const refusals = await preflight(config, (_, sentence, fields) => say(withFields(sentence, fields)));
  const [first] = refusals;
  if (first === undefined) return { code: EXIT.ok, text: printConfig(config) };
  const text = refusals.map(({ reason }) => reason).join('\n');
  return { code: first.exitCode, text, printed: printConfig(config) };
}

const withFields = (sentence: string, fields: LogFields = {}): string =>
  [
    sentence,
    ...Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`)),
  ].join(' ');

/** A page of 2013 does not serve: nothing renders it here. */
function withTemplateWarning(result: ConfigResult): ConfigResult {
  const template = result.ok ? tornadoTemplateIn(result.config.application.paths) : undefined;
  if (!result.ok || template === undefined) return result;
  const message = 'not used: this is a template for Tornado; the built-in page is served';
  return { ...result, warnings: [...result.warnings, { file: template, line: undefined, key: undefined, message }] };
}

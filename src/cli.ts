#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { configureLogging, openLogs } from './adapter/logging/logging.ts';
import { Daemon } from './adapter/process/daemon.ts';
import { EXIT } from './adapter/process/exit-codes.ts';
import { Notifier } from './adapter/process/notify.ts';
import { VERSION } from './adapter/process/version.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { printConfig } from './config/print.ts';
import { formatProblem } from './config/problem.ts';

/** The program of a backend: source or built, as this one is. */
const BACKEND = fileURLToPath(new URL(import.meta.url.replace(/cli(\.[jt]s)$/, 'adapter/process/backend$1')));

const USAGE = `statelessd: publishes to RabbitMQ for those who cannot keep a connection

  statelessd [-c FILE] [--check] [--version] [--help]

  -c, --config FILE   the configuration (YAML); without one, the defaults and the environment
      --check         validates the configuration, prints what is in effect, and ends
      --version       prints the version
  -h, --help          prints this

Signals: SIGTERM and SIGINT stop once what is in flight is finished, a second one at once. SIGHUP reads the configuration
again and rolls the backends; a bad one changes nothing.
Exit codes: 0 stopped cleanly, 69 an address is taken or refused, 70 internal error, 78 bad configuration.
`;

function readArguments(): {
  config?: string | undefined;
  check?: boolean;
  version?: boolean;
  help?: boolean;
} {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string', short: 'c' },
        check: { type: 'boolean' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return values;
  } catch (error) {
    return fail(EXIT.config, `${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
}

function fail(code: number, reason: string): never {
  process.stderr.write(`${reason.trimEnd()}\n`);
  process.exit(code);
}

function print(text: string): never {
  process.stdout.write(text);
  process.exit(EXIT.ok);
}

const args = readArguments();
if (args.help) print(USAGE);
if (args.version) print(`statelessd ${VERSION}\n`);
const readConfig = () => loadConfig(args.config, process.env);
const loaded = readConfig();
if (!loaded.ok) fail(EXIT.config, loaded.problems.map(formatProblem).join('\n'));
const { config } = loaded;
if (args.check) print(printConfig(config));

process.title = 'statelessd: supervisor';
const logAsIn = ({ logging, application }: Config): void =>
  configureLogging(logging, application.debug, process.stderr);
logAsIn(config);
const log = openLogs().gateway;
const notifier = new Notifier(process.env, log);
const failure = await new Daemon({ program: BACKEND, readConfig, log, notifier, onReloaded: logAsIn }).run();
if (failure) fail(failure.exitCode, failure.reason);

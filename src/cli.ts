#!/usr/bin/env node
// First.
import './adapter/process/no-debugger.ts';

import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openStandardOutputs } from './adapter/logging/standard-output.ts';
import { writeWhole } from './adapter/logging/write-whole.ts';
import { EXIT } from './adapter/process/exit-codes.ts';
import { forkBackend } from './adapter/process/fork-backend.ts';
import { VERSION } from './adapter/process/version.ts';

/** The program of a backend: source or built, as this one is. */
const BACKEND = fileURLToPath(new URL(import.meta.url.replace(/cli(\.[jt]s)$/, 'adapter/process/backend-entry$1')));

const outputs = openStandardOutputs();
process.on('uncaughtException', (error) => fail(EXIT.internal, error.stack ?? String(error)));

const USAGE = `statelessd: publishes to RabbitMQ for those who cannot keep a connection

  statelessd [-c FILE] [--check] [--version] [--help]

  -c, --config FILE   the configuration (YAML); without one, the defaults and the environment
      --check         validates the configuration, prints what is in effect, and ends
      --version       prints the version
  -h, --help          prints this

Of 2013: -f, --foreground is what it does anyway; -p, --path PATH is Application.paths.base; -n, --newrelic is not used.

Signals: SIGTERM, SIGINT and SIGQUIT stop once what is in flight is finished, a second one at once. SIGHUP and SIGUSR1 read
the configuration again and roll the backends; a bad one changes nothing. SIGUSR2 logs a line of state.
Exit codes: 0 stopped cleanly, 69 an address is taken or refused, 70 internal error, 78 bad configuration.
`;

function readArguments(): {
  config?: string | undefined;
  check?: boolean;
  foreground?: boolean;
  newrelic?: string | undefined;
  path?: string | undefined;
  version?: boolean;
  help?: boolean;
} {
  try {
    const { values } = parseArgs({
      options: {
        config: { type: 'string', short: 'c' },
        check: { type: 'boolean' },
        // Of 2013; in the foreground is where it runs anyway.
        foreground: { type: 'boolean', short: 'f' },
        newrelic: { type: 'string', short: 'n' },
        path: { type: 'string', short: 'p' },
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
  outputs.stderr.write(Buffer.from(`${reason.trimEnd()}\n`));
  process.exit(code);
}

function print(text: string): never {
  writeWhole(1, Buffer.from(text));
  process.exit(EXIT.ok);
}

const args = readArguments();
if (args.help) print(USAGE);
if (args.version) print(`statelessd ${VERSION}\n`);
// A backend takes longer to load than all that comes before it is needed, so it begins at once.
let first = args.check ? undefined : forkBackend(BACKEND, outputs);
const fork = (): ChildProcess => {
  const child = first?.connected ? first : forkBackend(BACKEND, outputs);
  first = undefined;
  return child;
};
const { run } = await import('./program.ts');
const end = await run({ ...args, fork, outputs });
writeWhole(1, Buffer.from(end.printed ?? ''));
if (end.code === EXIT.ok) print(end.text);
fail(end.code, end.text);

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT } from '../src/adapter/process/exit-codes.ts';
import { CannotStart } from './cannot-start.ts';

export const USAGE = `scripts/up: runs statelessd from source, with a RabbitMQ to publish to

  scripts/up [--watch] [--config FILE]

      --watch         an edit restarts statelessd, and not RabbitMQ
  -c, --config FILE   its configuration (YAML); config/minimal.yaml by default
  -h, --help          prints this

PORT=8010 scripts/up listens elsewhere than on port 8000. STATELESSD__… variables are passed on: with
STATELESSD__APPLICATION__RABBITMQ__HOST=rabbit.example.com scripts/up it publishes there.
Ctrl-C stops all that was started. Exit codes: 0 stopped, 69 something is missing or taken, 78 bad configuration.
`;

/** What the user asked for. */
export interface Wishes {
  readonly watch: boolean;
  readonly help: boolean;
  /** The configuration file, as an absolute path. */
  readonly config: string | undefined;
  /** Where the user stands: relative paths count from here. */
  readonly directory: string;
}

/** Reads the arguments; relative paths count from where the user stands, as npm and scripts/up say it. */
export function readCommandLine(args: readonly string[], env: NodeJS.ProcessEnv): Wishes {
  const directory = env.INIT_CWD ?? process.cwd();
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        watch: { type: 'boolean', default: false },
        config: { type: 'string', short: 'c' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const { watch, help, config } = values;
    return { watch, help, directory, config: config === undefined ? undefined : resolve(directory, config) };
  } catch (error) {
    throw new CannotStart(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`, EXIT.config);
  }
}

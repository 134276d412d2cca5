import { fileURLToPath } from 'node:url';
import { EXIT } from '../src/adapter/process/exit-codes.ts';
import type { Config } from '../src/config/config.ts';
import { loadConfig } from '../src/config/load.ts';
import { formatProblem } from '../src/config/problem.ts';
import { CannotStart } from './cannot-start.ts';
import type { Wishes } from './command-line.ts';

const MINIMAL = fileURLToPath(new URL('../config/minimal.yaml', import.meta.url));
const DEFAULT_PORT = '8000';

const PORTS = 'STATELESSD__HTTPSERVER__PORTS';
const RABBITMQ = 'STATELESSD__APPLICATION__RABBITMQ';

/** How the gateway will be started, and what it will make of it. */
export interface Settings {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  readonly config: Config;
}

/** The file and environment that the user means, judged as the gateway will judge them. */
export function readSettings(wishes: Wishes, environment: NodeJS.ProcessEnv): Settings {
  const file = wishes.config ?? MINIMAL;
  const ports = environment.PORT || environment[PORTS] || (wishes.config === undefined ? DEFAULT_PORT : undefined);
  const env = { ...environment, ...(ports === undefined ? {} : { [PORTS]: ports }) };
  const loaded = loadConfig(file, env);
  if (!loaded.ok) throw new CannotStart(loaded.problems.map(formatProblem).join('\n'), EXIT.config);
  return { file, env, config: loaded.config };
}

/** The environment that has the gateway publish to a broker that was started for it, whatever the file says. */
export function publishingTo({ env }: Settings, port: number): NodeJS.ProcessEnv {
  return {
    ...env,
    [`${RABBITMQ}__HOSTS`]: '',
    [`${RABBITMQ}__HOST`]: '127.0.0.1',
    [`${RABBITMQ}__PORT`]: String(port),
  };
}

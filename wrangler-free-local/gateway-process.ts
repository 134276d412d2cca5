import { fileURLToPath } from 'node:url';
import type { Settings } from './settings.ts';
import { startTied, type TiedProcess } from './tied-process.ts';

const PROGRAM = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
// Left alone, tsx watches what the supervisor imports, and would miss what only its backends do.
const SOURCES = fileURLToPath(new URL('../src/**/*', import.meta.url));
// As a URL, for the backends are forked with the same option, and stand where the user stands.
const TSX = import.meta.resolve('tsx');
const TSX_COMMAND = fileURLToPath(import.meta.resolve('tsx/cli'));

/** Starts the gateway from source. With `watch`, an edit of it or of its configuration starts it anew. */
export function startGateway(
  settings: Settings,
  env: NodeJS.ProcessEnv,
  { watch, directory }: { readonly watch: boolean; readonly directory: string },
): Promise<TiedProcess> {
  const program = [PROGRAM, '--config', settings.file];
  const args = watch
    ? [TSX_COMMAND, 'watch', '--clear-screen=false', `--include=${SOURCES}`, `--include=${settings.file}`, ...program]
    : ['--import', TSX, ...program];
  return startTied(process.execPath, args, {
    cwd: directory,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    // It drains, should we be killed.
    lastSignal: 'SIGTERM',
  });
}

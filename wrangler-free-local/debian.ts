import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { CannotStart } from './cannot-start.ts';
import { isExecutableIn, searchPath } from './executable.ts';

const SCRIPT = fileURLToPath(new URL('../scripts/install-debian', import.meta.url));

/** Whether this process may install Debian's packages: it is root, and there is an apt-get. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && searchPath().some((directory) => isExecutableIn(directory, 'apt-get'));
}

/** Installs what `scripts/install-debian` knows by this word, showing what it does. */
export async function install(what: string): Promise<void> {
  const [code]: unknown[] = await once(spawn(SCRIPT, [what], { stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new CannotStart(`scripts/install-debian ${what} failed; what it said stands above.`);
}

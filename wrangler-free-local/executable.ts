import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether this directory has a command of this name. */
export function isExecutableIn(directory: string, command: string): boolean {
  try {
    accessSync(join(directory, command), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The directories in which commands are looked for. */
export function searchPath(): readonly string[] {
  return (process.env.PATH ?? '').split(delimiter);
}

import { closeSync } from 'node:fs';
import { resolve } from 'node:path';
import { isFile, type LoggingConfig } from '../../config/logging.ts';
import { type Owner, openFile } from './log-file.ts';

/**
 * Makes the log files that are not there, so that backends find files that they may write. What cannot be made is left to
 * whoever writes it, and is warned about there.
 */
export function createFiles(logging: LoggingConfig | undefined, debug: boolean, owner: Owner | undefined): void {
  for (const handler of logging?.handlers.values() ?? []) {
    if (!isFile(handler) || handler.delay || (handler.debugOnly && !debug)) continue;
    try {
      closeSync(openFile(resolve(handler.filename), owner));
    } catch {}
  }
}

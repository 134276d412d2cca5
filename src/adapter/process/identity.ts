import { execFileSync } from 'node:child_process';
import type { Identity } from './backend-messages.ts';

/** Looks a system user up wherever this machine keeps them (id(1)). */
export function identityOf(user: string): Identity | undefined {
  const ids = (option: string): number[] =>
    execFileSync('id', [option, '--', user], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split(' ')
      .map(Number);
  try {
    const [uid] = ids('-u');
    const [gid] = ids('-g');
    return uid === undefined || gid === undefined ? undefined : { uid, gid, groups: ids('-G') };
  } catch {
    return undefined;
  }
}

import { execFileSync } from 'node:child_process';
import type { Identity } from './backend-messages.ts';

export type IdentityOutcome =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly problem: string };

/**
 * Looks a system user and group up wherever this machine keeps them (id(1), getent(1)). Without a user it is the one
 * that this process has, without a group the user's own.
 */
export function identityOf(user: string | undefined, group: string | undefined): IdentityOutcome {
  const own = user === undefined ? thisProcess() : userOf(user);
  if (own === undefined) return { ok: false, problem: `Daemon.user: expected a system user; there is no ${user}` };
  if (group === undefined) return { ok: true, identity: own };
  // name:password:gid:members
  const [, , gid] = outputOf('getent', 'group', '--', group)?.split(':') ?? [];
  if (gid === undefined) return { ok: false, problem: `Daemon.group: expected a system group; there is no ${group}` };
  const groups = new Set([Number(gid), ...own.groups]);
  return { ok: true, identity: { uid: own.uid, gid: Number(gid), groups: [...groups] } };
}

function userOf(user: string): Identity | undefined {
  const ids = (option: string): number[] => outputOf('id', option, '--', user)?.split(' ').map(Number) ?? [];
  const [uid] = ids('-u');
  const [gid] = ids('-g');
  return uid === undefined || gid === undefined ? undefined : { uid, gid, groups: ids('-G') };
}

function thisProcess(): Identity | undefined {
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  return uid === undefined || gid === undefined ? undefined : { uid, gid, groups: process.getgroups?.() ?? [gid] };
}

/** Undefined where the program fails, or is missing. */
function outputOf(program: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import { http } from './support/http.ts';
import { backendOn, statusOf } from './support/processes.ts';

const IS_ROOT = process.getuid?.() === 0;

/** A group that nobody's user is not in, and root neither. */
const GROUP = 'games';
const gid = execFileSync('getent', ['group', GROUP], { encoding: 'utf8' }).split(':')[2] ?? '';

describe('Daemon.group', () => {
  it.each([
    ['beside Daemon.user, in place of the user’s own', { user: 'nobody', group: GROUP }, 'nobody'],
    ['alone, with root as the user', { group: GROUP }, 'root'],
  ])('is the group of the backends: %s', async (_, daemon, user) => {
    const gateway = await gatewayForTest({ daemon });
    const { Uid, Gid, Groups } = statusOf(backendOn(gateway.pid, gateway.port).pid);
    expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
    if (!IS_ROOT) {
      expect(gateway.stderr).toContain('not started as root, so Daemon.user is not changed to');
      expect(Gid).toBe(statusOf(gateway.pid).Gid);
      return;
    }
    const uid = execFileSync('id', ['-u', user], { encoding: 'utf8' }).trim();
    expect(Uid?.split('\t')).toEqual(Array(4).fill(uid));
    expect(Gid?.split('\t')).toEqual(Array(4).fill(gid));
    expect(Groups?.trim().split(' ')).toContain(gid);
    expect(statusOf(gateway.pid).Gid).toBe('0\t0\t0\t0');
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../fault.ts';
import { INNOCENT } from '../ledger.ts';
import type { Shot } from '../load.ts';
import type { World } from '../world.ts';

/** The first user is whom the fault is about. */
const aboutUser =
  (...ownErrors: string[]) =>
  (world: World, n: number): Shot => {
    const shot = world.innocent(n);
    if (shot.user !== world.users[0]) return shot;
    return { ...shot, expectation: { ...INNOCENT, name: 'user0', ownErrors } };
  };

async function repair({ topology, users }: World): Promise<void> {
  const [user] = users;
  if (user) await topology.addUser(user);
}

/** Users lose their rights, or have them looked at again. */
export const accessFaults: readonly Fault[] = [
  {
    name: 'user deleted',
    what: 'a user is deleted',
    world: 'patient',
    shot: aboutUser('unauthenticated'),
    strike: async ({ topology }) => {
      await topology.api('DELETE', '/users/user0');
    },
    repair,
  },
  {
    name: 'password changed',
    what: 'a user’s password is changed; credentials_ttl is 1 s',
    world: 'renewing',
    shot: aboutUser('unauthenticated'),
    strike: async ({ topology }) => {
      await topology.api('PUT', '/users/user0', { password: 'changed', tags: '' });
      await delay(1_500);
    },
    repair,
  },
  {
    name: 'permission revoked',
    what: 'a user loses the right to write; credentials_ttl is 1 s',
    world: 'renewing',
    shot: aboutUser('publish-refused'),
    strike: async ({ topology }) => {
      const rights = { configure: '', write: '^nothing$', read: '' };
      await topology.api('PUT', `/permissions/${topology.segment}/user0`, rights);
      await delay(1_500);
    },
    repair,
  },
  {
    name: 'renewal',
    what: 'every connection is renewed every second',
    world: 'renewing',
    strike: () => delay(3_000),
  },
];

import { setTimeout as delay } from 'node:timers/promises';
import { ctl } from '../ctl.ts';
import type { Fault } from '../fault.ts';
import type { Shot } from '../load.ts';
import type { World } from '../world.ts';

/** The exchange x4 is what the fault is about; who publishes to it is told so. */
const aboutExchange =
  (...ownErrors: string[]) =>
  (world: World, n: number): Shot => {
    const shot = world.innocent(n);
    if (!shot.path.includes('/x4/')) return shot;
    return { ...shot, expectation: { name: 'x4', ownErrors, confirmable: true, unread: true } };
  };

/** An operator takes away what is in use. */
export const topologyFaults: readonly Fault[] = [
  {
    name: 'connections closed',
    what: 'every connection is closed from the management side, three times',
    world: 'patient',
    async strike(world) {
      for (let round = 0; round < 3; round += 1) {
        await ctl(world, 'close_all_connections', 'closed by the operator');
        await delay(300);
      }
    },
  },
  {
    name: 'queue deleted',
    what: 'a queue is deleted; its messages become unroutable',
    world: 'patient',
    shot: aboutExchange(),
    strike: async ({ topology }) => {
      await topology.api('DELETE', `/queues/${topology.segment}/q4`);
    },
    repair: ({ topology }) => topology.exchangeWithQueue('x4', 'q4'),
  },
  {
    name: 'exchange deleted',
    what: 'an exchange is deleted and declared again',
    world: 'patient',
    shot: aboutExchange('exchange-not-found'),
    strike: async ({ topology }) => {
      await topology.api('DELETE', `/exchanges/${topology.segment}/x4`);
      await delay(500);
      await topology.exchange('x4');
    },
    repair: ({ topology }) => topology.exchangeWithQueue('x4', 'q4'),
  },
  {
    name: 'vhost deleted',
    what: 'another vhost, in use, is deleted',
    world: 'patient',
    shot: (world, n) => {
      const [user] = world.users;
      if (n % 5 !== 4 || !user) return world.innocent(n);
      // The broker takes permissions and exchanges away before the vhost itself.
      const ownErrors = ['vhost-not-found', 'exchange-not-found', 'vhost-refused', 'publish-refused'];
      return {
        path: '/doomed/x/k',
        user,
        expectation: { name: 'doomed vhost', ownErrors, confirmable: true, unread: true },
      };
    },
    prepare: async ({ topology, users }) => {
      const doomed = await topology.sibling('doomed');
      await doomed.exchangeWithQueue();
      for (const user of users) await doomed.permit(user);
    },
    strike: async ({ topology }) => {
      await topology.api('DELETE', '/vhosts/doomed');
    },
  },
];

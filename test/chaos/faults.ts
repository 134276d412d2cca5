import { setTimeout as delay } from 'node:timers/promises';
import type { Settings } from '../support/gateway.ts';
import { INNOCENT } from './ledger.ts';
import type { Shot } from './load.ts';
import type { World } from './world.ts';

/** Something that goes wrong with the broker while messages are on their way. */
export interface Fault {
  readonly name: string;
  /** What is done, for the report. */
  readonly what: string;
  /** Innocents may be told that the broker is away or silent; else all of them are to be confirmed. */
  readonly outage?: boolean;
  /** It takes long, and adds little to a quick run. */
  readonly slow?: boolean;
  readonly gateway: keyof typeof gateways;
  /** What the n-th request is; an innocent's, unless it says otherwise. */
  readonly shot?: (world: World, n: number) => Shot;
  prepare?(world: World): Promise<void>;
  strike(world: World): Promise<void>;
  /** Puts back what the fault took away, for the next one. */
  repair?(world: World): Promise<void>;
}

/** The gateways that faults are tried on. */
export const gateways = {
  /** Outages that are to cost latency only are shorter than this. */
  patient: { publishing: { publish_timeout: 30 } },
  impatient: { publishing: { publish_timeout: 1 } },
  renewing: { publishing: { publish_timeout: 30 }, rabbitmq: { credentials_ttl: 1 } },
} satisfies Record<string, Settings>;

async function ctl(world: World, ...args: string[]): Promise<void> {
  const { code, stderr } = await world.broker.ctl(args);
  if (code !== 0) throw new Error(`rabbitmqctl ${args.join(' ')}: ${stderr}`);
}

async function alarm(world: World, on: string[], off: string[]): Promise<void> {
  await ctl(world, ...on);
  await delay(1_500);
  await ctl(world, ...off);
}

/** The exchange x4 is what the fault is about; who publishes to it is told so. */
const aboutExchange =
  (...ownErrors: string[]) =>
  (world: World, n: number): Shot => {
    const shot = world.innocent(n);
    if (!shot.path.includes('/x4/')) return shot;
    return { ...shot, expectation: { name: 'x4', ownErrors, confirmable: true, unread: true } };
  };

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

export const faults: readonly Fault[] = [
  {
    name: 'kill -9',
    what: 'the broker is killed with SIGKILL and started again; clients wait for up to 30 s',
    gateway: 'patient',
    async strike({ broker }) {
      await broker.kill();
      await broker.start();
    },
  },
  {
    name: 'kill -9, impatient',
    what: 'the same, and clients wait for up to 1 s',
    outage: true,
    gateway: 'impatient',
    async strike({ broker }) {
      await broker.kill();
      await broker.start();
    },
  },
  {
    name: 'stop_app',
    what: 'rabbitmqctl stop_app, then start_app',
    gateway: 'patient',
    async strike(world) {
      await ctl(world, 'stop_app');
      await ctl(world, 'start_app');
    },
  },
  {
    name: 'SIGSTOP, short',
    what: 'the broker is frozen for 2 s',
    gateway: 'patient',
    async strike({ broker }) {
      broker.suspend();
      await delay(2_000);
      broker.resume();
    },
  },
  {
    name: 'SIGSTOP, long',
    what: 'the broker is frozen for 20 s',
    slow: true,
    gateway: 'patient',
    outage: true,
    async strike({ broker }) {
      broker.suspend();
      await delay(20_000);
      broker.resume();
    },
  },
  {
    name: 'memory alarm',
    what: 'the memory alarm is raised for 1.5 s',
    gateway: 'patient',
    outage: true,
    strike: (world) =>
      alarm(world, ['set_vm_memory_high_watermark', '0.00001'], ['set_vm_memory_high_watermark', '0.4']),
  },
  {
    name: 'disk alarm',
    what: 'the disk alarm is raised for 1.5 s',
    gateway: 'patient',
    outage: true,
    strike: (world) => alarm(world, ['set_disk_free_limit', '999999999999'], ['set_disk_free_limit', '50000000']),
  },
  {
    name: 'connections closed',
    what: 'every connection is closed from the management side, three times',
    gateway: 'patient',
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
    gateway: 'patient',
    shot: aboutExchange(),
    strike: async ({ topology }) => {
      await topology.api('DELETE', `/queues/${topology.segment}/q4`);
    },
    repair: ({ topology }) => topology.exchangeWithQueue('x4', 'q4'),
  },
  {
    name: 'exchange deleted',
    what: 'an exchange is deleted and declared again',
    gateway: 'patient',
    shot: aboutExchange('exchange-not-found'),
    strike: async ({ topology }) => {
      await topology.api('DELETE', `/exchanges/${topology.segment}/x4`);
      await delay(500);
      await topology.exchange('x4');
    },
    repair: ({ topology }) => topology.exchangeWithQueue('x4', 'q4'),
  },
  {
    name: 'user deleted',
    what: 'a user is deleted',
    gateway: 'patient',
    shot: aboutUser('unauthenticated'),
    strike: async ({ topology }) => {
      await topology.api('DELETE', '/users/user0');
    },
    repair,
  },
  {
    name: 'password changed',
    what: 'a user’s password is changed; credentials_ttl is 1 s',
    gateway: 'renewing',
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
    gateway: 'renewing',
    shot: aboutUser('publish-refused'),
    strike: async ({ topology }) => {
      const rights = { configure: '', write: '^nothing$', read: '' };
      await topology.api('PUT', `/permissions/${topology.segment}/user0`, rights);
      await delay(1_500);
    },
    repair,
  },
  {
    name: 'vhost deleted',
    what: 'another vhost, in use, is deleted',
    gateway: 'patient',
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
  {
    name: 'connection limit',
    what: 'a user may have one connection only, and all are closed',
    outage: true,
    gateway: 'patient',
    strike: async (world) => {
      await world.topology.api('PUT', '/user-limits/user0/max-connections', { value: 1 });
      await ctl(world, 'close_all_connections', 'closed by the operator');
      await delay(1_000);
      await world.topology.api('DELETE', '/user-limits/user0/max-connections');
    },
  },
  {
    name: 'channel limit',
    what: 'a user may open three channels only, and all connections are closed',
    gateway: 'patient',
    strike: async (world) => {
      await world.topology.api('PUT', '/user-limits/user0/max-channels', { value: 3 });
      await ctl(world, 'close_all_connections', 'closed by the operator');
      await delay(1_000);
    },
    repair: async ({ topology }) => {
      await topology.api('DELETE', '/user-limits/user0/max-channels');
    },
  },
  {
    name: 'maintenance mode',
    what: 'the node is put into maintenance mode and revived',
    gateway: 'patient',
    strike: async ({ broker }) => {
      await broker.rpcEval('rabbit_maintenance:drain().');
      await delay(500);
      await broker.rpcEval('rabbit_maintenance:revive().');
    },
  },
  {
    name: 'renewal',
    what: 'every connection is renewed every second',
    gateway: 'renewing',
    strike: () => delay(3_000),
  },
];

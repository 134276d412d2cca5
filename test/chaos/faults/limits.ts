import { setTimeout as delay } from 'node:timers/promises';
import { ctl } from '../ctl.ts';
import type { Fault } from '../fault.ts';
import type { World } from '../world.ts';

async function alarm(world: World, on: string[], off: string[]): Promise<void> {
  await ctl(world, ...on);
  await delay(1_500);
  await ctl(world, ...off);
}

/** The broker has had enough. */
export const limitsFaults: readonly Fault[] = [
  {
    name: 'memory alarm',
    what: 'the memory alarm is raised for 1.5 s',
    world: 'patient',
    outage: true,
    strike: (world) =>
      alarm(world, ['set_vm_memory_high_watermark', '0.00001'], ['set_vm_memory_high_watermark', '0.4']),
  },
  {
    name: 'disk alarm',
    what: 'the disk alarm is raised for 1.5 s',
    world: 'patient',
    outage: true,
    strike: (world) => alarm(world, ['set_disk_free_limit', '999999999999'], ['set_disk_free_limit', '50000000']),
  },
  {
    name: 'connection limit',
    what: 'a user may have one connection only, and all are closed',
    outage: true,
    world: 'patient',
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
    world: 'patient',
    strike: async (world) => {
      await world.topology.api('PUT', '/user-limits/user0/max-channels', { value: 3 });
      await ctl(world, 'close_all_connections', 'closed by the operator');
      await delay(1_000);
    },
    repair: async ({ topology }) => {
      await topology.api('DELETE', '/user-limits/user0/max-channels');
    },
  },
];

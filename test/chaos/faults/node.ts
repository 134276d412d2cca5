import { setTimeout as delay } from 'node:timers/promises';
import { ctl } from '../ctl.ts';
import type { Fault } from '../fault.ts';

/** A node goes away and comes back. */
export const nodeFaults: readonly Fault[] = [
  {
    name: 'kill -9',
    what: 'the broker is killed with SIGKILL and started again; clients wait for up to 30 s',
    world: 'patient',
    async strike({ broker }) {
      await broker.kill();
      await broker.start();
    },
  },
  {
    name: 'kill -9, impatient',
    what: 'the same, and clients wait for up to 1 s',
    outage: true,
    world: 'impatient',
    async strike({ broker }) {
      await broker.kill();
      await broker.start();
    },
  },
  {
    name: 'stop_app',
    what: 'rabbitmqctl stop_app, then start_app',
    world: 'patient',
    async strike(world) {
      await ctl(world, 'stop_app');
      await ctl(world, 'start_app');
    },
  },
  {
    name: 'SIGSTOP, short',
    what: 'the broker is frozen for 2 s',
    world: 'patient',
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
    world: 'patient',
    outage: true,
    async strike({ broker }) {
      broker.suspend();
      await delay(20_000);
      broker.resume();
    },
  },
  {
    name: 'maintenance mode',
    what: 'the node is put into maintenance mode and revived',
    world: 'patient',
    strike: async ({ broker }) => {
      await broker.rpcEval('rabbit_maintenance:drain().');
      await delay(500);
      await broker.rpcEval('rabbit_maintenance:revive().');
    },
  },
];

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import amqp from 'amqplib';
import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';
import type { World } from '../support/world.ts';

const MAX_LOGINS = 20;

export const longCredentials: Attack = {
  name: 'long credentials',
  tries: '100 connections with passwords of 5,000 bytes, again and again, while 30 new users post',
  promise: 'they are 401, and no new user is kept out',
  async run(world, signal) {
    const refused = new Tally();
    const served = new Tally();
    const one = async (): Promise<void> => {
      while (!signal.aborted) {
        const user = { username: 'nobody', password: randomUUID().padEnd(5_000, 'x') };
        refused.add((await world.post({ user, localAddress: '127.0.0.2' })).status);
      }
    };
    const attackers = Promise.all(Array.from({ length: 100 }, one));
    await delay(500);
    for (let n = 0; n < 30; n += 1) {
      const user = await world.topology.addUser({ username: `new-${n}-${randomUUID()}`, password: 'p' });
      served.add((await world.post({ user, agent: false })).status);
    }
    await attackers;
    return finding(`attackers: ${refused}; new users: ${served}`, {
      'attackers are refused as such': refused.others(401, 429) === 0,
      'new users are served': served.others(204) === 0,
    });
  },
};

/** How many logins a second the broker has to judge meanwhile. */
async function loginsOf(world: World, work: () => Promise<unknown>): Promise<number> {
  const before = await world.logins();
  const startedAt = performance.now();
  await work();
  return ((await world.logins()) - before) / ((performance.now() - startedAt) / 1000);
}

export const vhostNames: Attack = {
  name: 'names of vhosts',
  tries: 'a valid user posts to 1,000 vhosts that do not exist, again and again',
  promise: `the broker has to judge at most ${MAX_LOGINS} more logins a second`,
  async run(world, signal) {
    const tally = new Tally();
    let n = 0;
    const one = async (): Promise<void> => {
      while (!signal.aborted) {
        n += 1;
        tally.add((await world.post({}, `/missing-${n % 1_000}/x/k`)).status);
      }
    };
    const logins = await loginsOf(world, () => Promise.all(Array.from({ length: 20 }, one)));
    return finding(`answers: ${tally}; ${logins.toFixed(0)} logins a second`, {
      [`at most ${MAX_LOGINS} logins a second`]: logins <= MAX_LOGINS,
      'its own vhost still takes its posts': (await world.post()).status === 204,
    });
  },
};

async function limitedUser(world: World) {
  const user = await world.topology.addUser({ username: `limited-${randomUUID()}`, password: 'p' });
  await world.topology.api('PUT', `/user-limits/${user.username}/max-connections`, { value: 1 });
  return user;
}

export const atTheLimit: Attack = {
  name: 'at the connection limit',
  tries: 'a valid user who has all the connections that RabbitMQ lets it have posts on 20 connections',
  promise: `the same, and 503 \`broker-limit\``,
  async run(world, signal) {
    const user = await limitedUser(world);
    const { vhost, broker } = world.topology;
    const { username, password } = user;
    const connection = await amqp.connect({
      hostname: '127.0.0.1',
      port: broker.port,
      username,
      password,
      vhost: encodeURIComponent(vhost),
    });
    const tally = new Tally();
    const one = async (): Promise<void> => {
      while (!signal.aborted) {
        const { status, headers } = await world.post({ user });
        tally.add(`${status} ${String(headers['statelessd-error'] ?? '').split(';')[0]}`.trim());
      }
    };
    const logins = await loginsOf(world, () => Promise.all(Array.from({ length: 20 }, one)));
    await connection.close();
    return finding(`answers: ${tally}; ${logins.toFixed(0)} logins a second`, {
      [`at most ${MAX_LOGINS} logins a second`]: logins <= MAX_LOGINS,
      'the limit is what is said': tally.others('503 broker-limit') === 0,
    });
  },
};

export const revokedAtTheLimit: Attack = {
  name: 'revoked at the limit',
  tries: 'a user at its `max-connections` of 1 goes on posting after its permission was revoked (`credentials_ttl: 1`)',
  promise: 'a revoked permission ends within `credentials_ttl`, whatever the limits',
  seconds: 15,
  gateway: { settings: { rabbitmq: { credentials_ttl: 1 } } },
  async run(world, signal) {
    const user = await limitedUser(world);
    // Its channel is then one that has been proven, and knows of no other permission.
    let first = 0;
    for (let n = 0; n < 50; n += 1) first = (await world.post({ user })).status;
    await world.topology.permit(user, '^$');
    const revokedAt = performance.now();
    const tally = new Tally();
    let seconds = Number.NaN;
    while (!signal.aborted) {
      const { status } = await world.post({ user });
      tally.add(status);
      if (status !== 204 && Number.isNaN(seconds)) seconds = (performance.now() - revokedAt) / 1000;
      await delay(50);
    }
    return finding(`before: ${first}; after: ${tally}; the first that was no 204 after ${seconds.toFixed(1)} s`, {
      'it could publish before': first === 204,
      'it no longer can, 3 s later': seconds < 3,
      'and is told so': tally.others(204, 403) === 0,
    });
  },
};

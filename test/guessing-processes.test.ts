import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { Guessers, Statuses, via } from './support/guessers.ts';
import { backendOn } from './support/processes.ts';
import { Topology, type User } from './support/topology.ts';

const [HOME, ELSEWHERE] = [via('198.51.100.1'), via('198.51.100.2')];

describe('refused logins are counted for all processes together', () => {
  let topology: Topology;
  let guessers: Guessers;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    guessers = new Guessers(topology);
  });
  afterAll(async () => {
    guessers.close();
    await topology.delete();
  });

  const gatewayWith = (http: Record<string, unknown> = {}): Promise<GatewayProcess> =>
    gatewayForTest({ http: { xheaders: true, ...http } });
  /** On a new connection each, which the kernel gives to any of the processes. */
  const guessOnNewConnections = async (gateway: GatewayProcess, user: User, guesses: number): Promise<Statuses> => {
    const statuses = new Statuses();
    for (let n = 0; n < guesses; n += 20) {
      const some = Array.from({ length: 20 }, (_, m) => ({ ...user, password: `guess-${n + m}` }));
      const answers = await Promise.all(some.map((guess) => guessers.post(gateway, guess, ELSEWHERE, false)));
      for (const { status } of answers) statuses.add(status);
    }
    return statuses;
  };

  it('four workers allow as many as one, and a user that one of them knows is known to all', async () => {
    const gateway = await gatewayWith({ workers: 4 });
    const user = await guessers.newUser();
    expect((await guessers.post(gateway, user, HOME, false)).status).toBe(204);
    const statuses = await guessOnNewConnections(gateway, user, 200);
    expect([statuses.seen, statuses.of(401)]).toEqual([[401, 429], 20]);
    const served = await Promise.all(Array.from({ length: 40 }, () => guessers.post(gateway, user, HOME, false)));
    expect(new Set(served.map(({ status }) => status))).toEqual(new Set([204]));
  });

  it('so they are after a reload, and after the death of a backend', async () => {
    const gateway = await gatewayWith();
    const user = await guessers.newUser();
    expect((await guessers.post(gateway, user, HOME, false)).status).toBe(204);
    expect((await guessOnNewConnections(gateway, user, 40)).of(401)).toBe(20);

    gateway.kill('SIGHUP');
    await gateway.says('"reloaded"');
    expect((await guessers.post(gateway, user, HOME, false)).status).toBe(204);
    expect((await guessers.post(gateway, user, ELSEWHERE, false)).status).toBe(429);

    process.kill(backendOn(gateway.pid, gateway.port).pid, 'SIGKILL');
    await gateway.says('a backend died and is replaced');
    expect((await guessers.post(gateway, user, ELSEWHERE, false)).status).toBe(429);
    expect((await guessers.post(gateway, user, HOME, false)).status).toBe(204);
  });

  it('what a backend left under way that died counts no more', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const gateway = await gatewayForTest({
      rabbitmq: { hosts: [`127.0.0.1:${port}`, `127.0.0.1:${topology.broker.port}`], connect_timeout: 60 },
      publishing: { publish_timeout: 60 },
      http: { xheaders: true },
    });
    // As many as may be under way from one address.
    const users = Array.from({ length: 20 }, (_, n) => ({ username: `waiting-${n}`, password: 'p' }));
    const cut = Promise.allSettled(users.map((user) => guessers.post(gateway, user, HOME, false)));
    await expect.poll(() => sockets.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(20);
    process.kill(backendOn(gateway.pid, gateway.port).pid, 'SIGKILL');
    await cut;
    silent.close();
    for (const socket of sockets) socket.destroy();
    expect((await guessers.post(gateway, await guessers.newUser(), HOME, false)).status).toBe(204);
  });
});

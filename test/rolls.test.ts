import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { INNOCENT, isClean, judge } from './chaos/ledger.ts';
import { Load } from './chaos/load.ts';
import { readOut } from './chaos/read-out.ts';
import { GatewayProcess } from './support/gateway.ts';
import { Nginx } from './support/nginx.ts';
import { Topology } from './support/topology.ts';

const ROLLS = 20;

describe('twenty rolls in a row, under load', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let nginx: Nginx;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start({ http: { keep_alive_timeout: 5 } });
    nginx = await Nginx.start([gateway.port]);
  });
  afterAll(async () => {
    await nginx.stop();
    await gateway.stop();
    await topology.delete();
  });

  it('fail no request, directly or through nginx, on kept connections or new ones, and lose no message', async () => {
    const shot = () => ({ path: `/${topology.segment}/x/k`, user: topology.user, expectation: INNOCENT });
    const loads = [gateway.port, nginx.port].flatMap((port) =>
      [true, false].map((keepAlive) => new Load({ ports: [port], clients: 5, shot, keepAlive })),
    );
    for (let roll = 1; roll <= ROLLS; roll += 1) {
      gateway.kill('SIGHUP');
      await gateway.says('"reloaded"', roll);
    }
    const entries = (await Promise.all(loads.map((load) => load.stop()))).flat();
    expect(entries.filter(({ status }) => status !== 204)).toEqual([]);
    expect(isClean(judge(entries, await readOut(topology.broker, [{ vhost: topology.vhost, queue: 'q' }])))).toBe(true);
  });

  it('a configuration that has become bad changes nothing, and is logged', async () => {
    await gateway.reconfigure('HTTPServer:\n  prots: [1]\n');
    gateway.kill('SIGHUP');
    await gateway.says('not reloaded');
    expect(gateway.stderr).toContain('HTTPServer.prots: unknown key');
    const load = new Load({
      ports: [gateway.port],
      clients: 1,
      messages: 1,
      shot: () => ({ path: `/${topology.segment}/x/k`, user: topology.user, expectation: INNOCENT }),
    });
    expect((await load.done()).map(({ status }) => status)).toEqual([204]);
  });
});

describe('behind nginx, under load,', () => {
  it('one of several gateways is stopped: no request fails, and no message is lost', async () => {
    const topology = await Topology.create();
    onTestFinished(() => topology.delete());
    await topology.exchangeWithQueue();
    const gateways = await Promise.all(Array.from({ length: 4 }, () => GatewayProcess.start()));
    // The configuration has nginx ask one more backend where one has gone, and the first of ours stands in it twice.
    const [stopped, ...others] = gateways.toReversed();
    onTestFinished(async () => void (await Promise.all(others.map((gateway) => gateway.stop()))));
    const nginx = await Nginx.start(gateways.map(({ port }) => port));
    onTestFinished(() => nginx.stop());
    const shot = () => ({ path: `/${topology.segment}/x/k`, user: topology.user, expectation: INNOCENT });
    const loads = [true, false].map((keepAlive) => new Load({ ports: [nginx.port], clients: 10, shot, keepAlive }));
    await Promise.all(loads.map((load) => load.answered(1_000)));
    expect(await stopped?.stop()).toBe(0);
    await Promise.all(loads.map((load) => load.answered(load.entries.length + 1_000)));
    const entries = (await Promise.all(loads.map((load) => load.stop()))).flat();
    expect(entries.filter(({ status }) => status !== 204)).toEqual([]);
    expect(isClean(judge(entries, await readOut(topology.broker, [{ vhost: topology.vhost, queue: 'q' }])))).toBe(true);
  });
});

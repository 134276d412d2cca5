import { setTimeout as delay } from 'node:timers/promises';
import type { TcpProxy } from '../../support/tcp-proxy.ts';
import type { Fault } from '../fault.ts';
import type { World } from '../world.ts';

function proxyOf({ proxy }: World): TcpProxy {
  if (!proxy) throw new Error('this world’s broker is not behind a proxy');
  return proxy;
}

/** What has been lost on a TCP connection never comes after all: the connection ends. */
async function silence(proxy: TcpProxy, kind: 'swallow' | 'swallow answers', milliseconds: number): Promise<void> {
  proxy.link = kind;
  await delay(milliseconds);
  proxy.cut();
  proxy.link = 'pass';
}

/** The network between the gateway and the broker. */
export const linkFaults: readonly Fault[] = [
  {
    name: 'half-open link',
    what: 'the link to the broker swallows everything for 8 s, and nobody is told; heartbeat is 2 s',
    world: 'proxied',
    strike: (world) => silence(proxyOf(world), 'swallow', 8_000),
  },
  {
    name: 'confirms lost',
    what: 'what the broker answers is lost for 1 s, then the connections are cut',
    world: 'proxied',
    strike: (world) => silence(proxyOf(world), 'swallow answers', 1_000),
  },
  {
    name: 'cut link',
    what: 'all connections to the broker are reset, ten times',
    world: 'proxied',
    async strike(world) {
      for (let round = 0; round < 10; round += 1) {
        proxyOf(world).cut();
        await delay(200);
      }
    },
  },
  {
    name: 'slow link',
    what: 'the link to the broker takes 200 ms each way for 3 s',
    world: 'proxied',
    async strike(world) {
      const proxy = proxyOf(world);
      proxy.link = { delayMs: 200 };
      await delay(3_000);
      proxy.link = 'pass';
    },
  },
  {
    name: 'byte by byte',
    what: 'the link to the broker carries single bytes for 3 s',
    world: 'proxied',
    async strike(world) {
      const proxy = proxyOf(world);
      proxy.link = 'byte by byte';
      await delay(3_000);
      proxy.link = 'pass';
    },
  },
];

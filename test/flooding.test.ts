import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { http, raw } from './support/http.ts';
import { pipelinedPosts } from './support/pipelined-posts.ts';
import { backendOn } from './support/processes.ts';
import { Topology } from './support/topology.ts';

/** Tests that send all they can, beside others on the same machine, take long. */
const LONG_MS = 120_000;

const LOGGING = {
  version: 1,
  formatters: { short: { format: '%(message)s' } },
  handlers: { only: { class: 'logging.StreamHandler', formatter: 'short' } },
  loggers: {
    statelessd: { level: 'INFO', handlers: ['only'] },
    tornado: { level: 'INFO', handlers: ['only'] },
  },
};

describe('a flood of requests without credentials', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());

  const start = (logging?: object): Promise<GatewayProcess> => gatewayForTest({ ...(logging && { logging }) });
  const get = (target: string, lines = ''): string => `GET ${target} HTTP/1.1\r\nHost: g\r\n${lines}\r\n`;
  /** The most that the backend ever had in memory, in MB. */
  const peak = ({ pid, port }: GatewayProcess): number =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${backendOn(pid, port).pid}/status`, 'utf8'))?.[1]) / 1024;

  /** A client that writes the same again and again, as fast as it is read. */
  const flood = (gateway: GatewayProcess, request: string): Socket => {
    const socket = connect(gateway.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    const bytes = Buffer.from(request.repeat(Math.ceil(65_536 / request.length)));
    const write = (): void => {
      while (socket.writable && socket.write(bytes));
    };
    socket.on('connect', write).on('drain', write);
    // It may be ended.
    socket.on('error', () => {});
    return socket;
  };

  const healthy = async (gateway: GatewayProcess): Promise<void> => {
    for (let n = 0; n < 20; n += 1) {
      expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
      await delay(10);
    }
  };

  it.each([
    ['never reads, on one connection', 1, '/openapi.json'],
    ['never reads, on 20 connections', 20, '/openapi.json'],
    ['never reads what is short, on 20 connections', 20, '/a/b/c/d'],
  ])(
    'takes bounded memory where the client %s',
    async (_, clients, target) => {
      const gateway = await start();
      for (let n = 0; n < clients; n += 1) flood(gateway, get(target)).pause();
      await healthy(gateway);
      expect(peak(gateway)).toBeLessThan(250);
    },
    LONG_MS,
  );

  it(
    'takes bounded memory where many clients pipeline and read',
    async () => {
      const gateway = await start();
      for (let n = 0; n < 100; n += 1) flood(gateway, get('/a/b/c/d')).resume();
      await healthy(gateway);
      expect(peak(gateway)).toBeLessThan(300);
    },
    LONG_MS,
  );

  it(
    'takes bounded memory where what the client pipelines comes after its last request',
    async () => {
      const gateway = await start();
      for (let n = 0; n < 100; n += 1)
        connect(gateway.port, '127.0.0.1')
          .on('error', () => {})
          .end(get('/a/b/c/d', 'Connection: close\r\n') + get('/a/b/c/d').repeat(1_500))
          .resume();
      await healthy(gateway);
      expect(peak(gateway)).toBeLessThan(200);
    },
    LONG_MS,
  );

  it('lets the others have their turn before it is over', async () => {
    const gateway = await start(LOGGING);
    const { pid } = backendOn(gateway.pid, gateway.port);
    // Until all has been sent.
    process.kill(pid, 'SIGSTOP');
    const sent = async (bytes: string): Promise<Socket> => {
      const socket = connect(gateway.port, '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.write(bytes, () => resolve());
      });
      return socket.resume();
    };
    const clients = 10;
    const each = 400;
    for (let n = 0; n < clients; n += 1) await sent(get('/a/b/c/d').repeat(each));
    await sent(get('/healthz'));
    process.kill(pid, 'SIGCONT');
    await gateway.says('/a/b/c/d', clients * each);
    const lines = gateway.stderr.split('\n').filter((line) => line.includes('target='));
    const turn = lines.findIndex((line) => line.includes('/healthz'));
    expect(turn).toBeGreaterThanOrEqual(0);
    expect(turn).toBeLessThan((clients * each) / 2);
  });

  it(
    'is answered in order, each request, where the client reads slowly',
    async () => {
      const gateway = await start();
      const requests = 300;
      const socket = connect(gateway.port, '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      const ids = (text: string): string[] => [...text.matchAll(/^x-request-id: (.*)\r$/gim)].map(([, id]) => id ?? '');
      const sent = Array.from({ length: requests }, (_, n) => `n-${n}`);
      socket.write(
        sent
          .map((id) => get('/openapi.json', `X-Request-Id: ${id}\r\n`))
          .join('')
          .replace(/\r\n$/, 'Connection: close\r\n\r\n'),
      );
      const chunks: Buffer[] = [];
      for await (const chunk of socket) {
        chunks.push(chunk);
        await new Promise((resolve) => setImmediate(resolve));
      }
      const text = Buffer.concat(chunks).toString('latin1');
      expect(ids(text)).toEqual(sent);
    },
    LONG_MS,
  );

  it(
    'ends a connection whose client does not read',
    async () => {
      const gateway = await start();
      const deaf = flood(gateway, get('/openapi.json'));
      deaf.pause();
      // Its end cannot be read by one that does not read; writing fails.
      await new Promise<void>((resolve) => deaf.once('close', () => resolve()));
      expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
    },
    LONG_MS,
  );

  it('has messages published, once each, that are pipelined with bodies of many reads', async () => {
    const gateway = await start();
    const bodies = Array.from({ length: 400 }, (_, n) => `${n}:`.padEnd(n % 7 === 0 ? 30_000 : 10, 'x'));
    const received = await raw(gateway.port, pipelinedPosts(`/${topology.segment}/x/k`, topology.user, bodies));
    expect(received.match(/^HTTP\/1\.1 \d+/gm)).toEqual(bodies.map(() => 'HTTP/1.1 204'));
    const published = (await topology.drain()).map(({ content }) => content.toString());
    // Large ones take another channel, and may be overtaken.
    expect(published.sort().join('\n') === bodies.toSorted().join('\n')).toBe(true);
  });

  describe('of header fields', () => {
    const many = (fields: number): string => Array.from({ length: fields }, (_, n) => `x${n}: 1\r\n`).join('');

    it('is refused with 431 beyond 256, and below that it is not', async () => {
      const gateway = await start();
      const ask = (fields: number): Promise<string> =>
        raw(gateway.port, get('/healthz', `${many(fields - 2)}Connection: close\r\n`));
      expect(await ask(256)).toMatch(/^HTTP\/1\.1 200 /);
      const refused = await ask(257);
      expect(refused).toMatch(/^HTTP\/1\.1 431 /);
      expect(refused).toContain('"detail":"a request may have 256 header fields at most"');
      expect(refused).toMatch(/^connection: close\r$/im);
      expect(await ask(1_000)).toMatch(/^HTTP\/1\.1 431 /);
    });

    it('ends the connection, for a body that was announced behind them is not known', async () => {
      const gateway = await start();
      const target = `/${topology.segment}/x/k`;
      const smuggled = get('/smuggled');
      const received = await raw(
        gateway.port,
        `POST ${target} HTTP/1.1\r\nHost: g\r\n${many(300)}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
      );
      expect(received.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 431']);
    });
  });
});

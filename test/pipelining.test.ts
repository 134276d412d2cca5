import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Pool } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { basic, raw } from './support/http.ts';
import { TcpProxy } from './support/tcp-proxy.ts';
import { Topology } from './support/topology.ts';

/** Tests that take many requests, beside others that do on the same machine, take long. */
const LONG_MS = 400_000;

/** One numbered request, and what its client saw: a status, or no answer. */
interface Exchange {
  readonly id: string;
  readonly status: number | undefined;
}

describe('a client that pipelines', () => {
  let topology: Topology;
  let path: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    path = `/${topology.segment}/x/k`;
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(() => topology.delete());

  const start = (settings: Settings = {}): Promise<GatewayProcess> => gatewayForTest(settings);
  const inQueue = async (): Promise<string[]> => (await topology.drain()).map(({ content }) => content.toString());
  const confirmed = (exchanges: readonly Exchange[]): string[] =>
    exchanges.filter(({ status }) => status === 204).map(({ id }) => id);

  /** A request as bytes. */
  const one = (body: string, headers = '', authorization = basic(topology.user)): string =>
    `POST ${path} HTTP/1.1\r\nHost: g\r\nAuthorization: ${authorization}\r\nContent-Type: text/plain\r\n` +
    `${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
  const statuses = (received: string): number[] =>
    [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

  /** Requests that are refused, each for another reason. */
  const refusedRequest = (
    reason: number,
  ): { path?: string; method?: 'PUT'; body?: string; headers?: Record<string, string> } => {
    const authorization = basic(topology.user);
    const reasons = [
      { headers: {} },
      { headers: { authorization: 'Basic !' } },
      { path: '/no/such/path/here', headers: { authorization } },
      { headers: { authorization, 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'br' } },
      { path: `${path}?priority=high`, headers: { authorization, 'content-type': 'text/plain' } },
      { method: 'PUT' as const, headers: { authorization } },
      { body: 'x'.repeat(200_000), headers: { authorization } },
    ];
    return reasons[reason % reasons.length] ?? {};
  };

  /** undici, which repeats by itself what was not answered when a connection ends. */
  async function pipeline(
    port: number,
    requests: number,
    onAnswer: (count: number) => void = () => {},
  ): Promise<Exchange[]> {
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 4, pipelining: 10 });
    onTestFinished(() => pool.destroy());
    let answers = 0;
    const ask = async (n: number): Promise<Exchange> => {
      const id = String(n);
      const call = {
        method: 'POST' as const,
        path,
        body: id,
        headers: { authorization: basic(topology.user), 'content-type': 'text/plain' },
        idempotent: true,
        ...(n % 10 === 9 && refusedRequest((n - 9) / 10)),
      };
      try {
        const { statusCode, body } = await pool.request(call);
        await body.dump();
        answers += 1;
        onAnswer(answers);
        return { id, status: statusCode };
      } catch {
        return { id, status: undefined };
      }
    };
    return Promise.all(Array.from({ length: requests }, (_, n) => ask(n)));
  }

  const LIMIT = { max_body_size: 100_000 };

  it(
    'through refusals: as many messages are in the queue as 204s',
    async () => {
      const gateway = await start({ http: LIMIT });
      const ids = confirmed(await pipeline(gateway.port, 10_000));
      expect(ids.length).toBe(9_000);
      expect((await inQueue()).sort()).toEqual(ids.sort());
    },
    LONG_MS,
  );

  it(
    'through rolls: as many messages are in the queue as 204s',
    async () => {
      const gateway = await start({ http: LIMIT });
      const ids = confirmed(
        await pipeline(gateway.port, 3_000, (count) => {
          if (count % 500 === 0 && count < 3_000) gateway.kill('SIGHUP');
        }),
      );
      await gateway.says('"reloaded"');
      expect(ids.length).toBe(2_700);
      expect((await inQueue()).sort()).toEqual(ids.sort());
    },
    LONG_MS,
  );

  it(
    'through a stop: as many messages are in the queue as 204s',
    async () => {
      const gateway = await start({ http: LIMIT });
      const ids = confirmed(
        await pipeline(gateway.port, 3_000, (count) => {
          if (count === 1_000) gateway.kill('SIGTERM');
        }),
      );
      expect((await gateway.exited).code).toBe(0);
      expect(ids.length).toBeGreaterThanOrEqual(800);
      expect((await inQueue()).sort()).toEqual(ids.sort());
    },
    LONG_MS,
  );

  it(
    'where no connection is kept: as many messages are in the queue as 204s',
    async () => {
      const gateway = await start({ http: { ...LIMIT, no_keep_alive: true } });
      const ids = confirmed(await pipeline(gateway.port, 1_000));
      expect(ids.length).toBe(900);
      expect((await inQueue()).sort()).toEqual(ids.sort());
    },
    LONG_MS,
  );

  it('has what follows a refused request served, where that was complete', async () => {
    const gateway = await start();
    for (const authorization of ['Basic !', basic({ ...topology.user, password: 'wrong' })]) {
      const received = await raw(
        gateway.port,
        one('no', '', authorization) + one('a') + one('b') + one('c', 'Connection: close\r\n'),
      );
      expect(statuses(received)).toEqual([401, 204, 204, 204]);
      expect(await inQueue()).toEqual(['a', 'b', 'c']);
    }
  });

  it.each(['Basic !', 'Basic none'])(
    'has what follows a refused request served, though that asked for leave to send what it sent (%s)',
    async (authorization) => {
      const gateway = await start();
      const received = await raw(
        gateway.port,
        one('no', 'Expect: 100-continue\r\n', authorization) + one('a') + one('b', 'Connection: close\r\n'),
      );
      expect(statuses(received).filter((status) => status !== 100)).toEqual([401, 204, 204]);
      expect(await inQueue()).toEqual(['a', 'b']);
    },
  );

  it('has nothing processed that follows a refused request whose body was still arriving', async () => {
    const gateway = await start();
    const socket = connect(gateway.port, '127.0.0.1');
    const received = text(socket);
    socket.write(one('refused', '', 'Basic !').slice(0, -3));
    await new Promise<void>((resolve) => socket.once('data', () => resolve()));
    socket.write(`sed${one('a')}${one('b')}`);
    expect(statuses(await received)).toEqual([401]);
    expect(await inQueue()).toEqual([]);
  });

  it('has nothing processed that follows a request with Connection: close', async () => {
    const gateway = await start();
    const received = await raw(gateway.port, one('a') + one('b', 'Connection: close\r\n') + one('c') + one('d'));
    expect(statuses(received)).toEqual([204, 204]);
    expect(await inQueue()).toEqual(['a', 'b']);
  });

  it('gets all its answers where bytes that are no HTTP follow', async () => {
    const gateway = await start();
    const received = await raw(gateway.port, `${one('a') + one('b') + one('c')}\0\0`);
    expect(statuses(received)).toEqual([204, 204, 204]);
    expect(await inQueue()).toEqual(['a', 'b', 'c']);
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)('gets an answer to all that is published when %s comes', async (signal) => {
    const proxy = await TcpProxy.start(topology.broker.port);
    onTestFinished(() => proxy.close());
    const gateway = await start({ rabbitmq: { host: '127.0.0.1', port: proxy.port } });
    expect(statuses(await raw(gateway.port, one('first', 'Connection: close\r\n')))).toEqual([204]);
    proxy.link = { delayMs: 300 };
    const socket = connect(gateway.port, '127.0.0.1');
    const received = text(socket);
    // More than are processed at once: the others wait for their turn when the signal comes.
    socket.write(Array.from({ length: 300 }, (_, n) => one(String(n))).join(''));
    await raw(gateway.port, 'GET /healthz HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n');
    gateway.kill(signal);
    const answered = statuses(await received);
    proxy.link = 'pass';
    expect(answered.length).toBeLessThan(300);
    expect((await received).match(/^connection: close/gim)).toHaveLength(1);
    const messages = await inQueue();
    expect(messages).toEqual(['first', ...answered.map((_, n) => String(n))]);
    expect(new Set(answered)).toEqual(new Set([204]));
  });
});

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { gatewayForTest } from './support/for-test.ts';
import { GatewayProcess } from './support/gateway.ts';
import { basic, http } from './support/http.ts';
import { backendOn } from './support/processes.ts';
import { TcpProxy } from './support/tcp-proxy.ts';
import { Topology } from './support/topology.ts';

describe('a client that ends its side of the connection', () => {
  let topology: Topology;
  let certificates: Certificates;
  let plain: GatewayProcess;
  let secure: GatewayProcess;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    certificates = makeCertificates();
    plain = await GatewayProcess.start();
    secure = await GatewayProcess.start({ http: { tls: { cert: certificates.cert, key: certificates.key } } });
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await plain.stop();
    await secure.stop();
    certificates.delete();
    await topology.delete();
  });

  const one = (body: string): string =>
    `POST /${topology.segment}/x/k HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(topology.user)}\r\n` +
    `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const statuses = (received: string): number[] =>
    [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  const inQueue = async (): Promise<string[]> => (await topology.drain()).map(({ content }) => content.toString());
  /** Writes, ends its side, and gives back what came until the other side ended. */
  const writeAndEnd = (socket: Socket, bytes: string): Promise<string> => {
    socket.end(bytes);
    return text(socket);
  };
  const requests = async (gateway: GatewayProcess): Promise<Record<string, number>> =>
    JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text).requests;
  /** Connections of clients that the backend has open, but for the one that asks. */
  const openSockets = (gateway: GatewayProcess): number => {
    const { pid } = backendOn(gateway.pid, gateway.port);
    const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => /\d+/.exec(link(`/proc/${pid}/fd/${fd}`))?.[0]));
    const port = gateway.port.toString(16).toUpperCase().padStart(4, '0');
    return ['tcp', 'tcp6']
      .flatMap((table) => readFileSync(`/proc/net/${table}`, 'utf8').split('\n'))
      .map((line) => line.trim().split(/\s+/))
      .filter(
        ([, local, , state, , , , , , inode]) => local?.endsWith(`:${port}`) && state !== '0A' && inodes.has(inode),
      ).length;
  };

  it('gets its answer, which counts as what it is', async () => {
    const before = await requests(plain);
    for (let n = 0; n < 20; n += 1)
      expect(statuses(await writeAndEnd(connect(plain.port, '127.0.0.1'), one(String(n))))).toEqual([204]);
    expect(await inQueue()).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
    const after = await requests(plain);
    expect([
      (after['response.204'] ?? 0) - (before['response.204'] ?? 0),
      (after['response.499'] ?? 0) - (before['response.499'] ?? 0),
    ]).toEqual([20, 0]);
  });

  it('gets the answers to all requests that it pipelined', async () => {
    const received = await writeAndEnd(connect(plain.port, '127.0.0.1'), one('a') + one('b') + one('c'));
    expect(statuses(received)).toEqual([204, 204, 204]);
    expect(await inQueue()).toEqual(['a', 'b', 'c']);
  });

  it('gets its answer over TLS', async () => {
    for (const body of ['a', 'b']) {
      const options = { port: secure.port, ca: readFileSync(certificates.ca), allowHalfOpen: true };
      expect(statuses(await writeAndEnd(connectTls(options), one(body)))).toEqual([204]);
    }
    expect(await inQueue()).toEqual(['a', 'b']);
  });

  it.each([
    ['ncat', ['ncat', '127.0.0.1']],
    ['busybox nc', ['busybox', 'nc', '127.0.0.1']],
  ])('gets its answer with %s', async (_, [command = '', ...args]) => {
    const received = await new Promise<string>((resolve, reject) => {
      const child = execFile(command, [...args, String(plain.port)], (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      );
      child.stdin?.end(one('from a shell'));
    });
    expect(statuses(received)).toEqual([204]);
    expect(await inQueue()).toEqual(['from a shell']);
  });

  it('leaves no connection behind, whether idle, before a request or after several', async () => {
    for (const bytes of ['', 'POST / HT', one('a'), one('a') + one('b')])
      await Promise.all(
        Array.from({ length: 10 }, () => writeAndEnd(connect({ port: plain.port, allowHalfOpen: true }), bytes)),
      );
    await expect.poll(() => openSockets(plain), { timeout: 4_000 }).toBe(0);
  });

  it.each(['', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'])(
    'in the middle of a body has gone away: nothing is published (%j)',
    async (headers) => {
      const before = await requests(plain);
      const cut = one('cut short').slice(0, -3).replace('Host: g\r\n', `Host: g\r\n${headers}`);
      const received = await writeAndEnd(connect(plain.port, '127.0.0.1'), cut);
      expect(statuses(received)).toEqual([400]);
      expect(received).toContain('malformed-request; published=no');
      expect(((await requests(plain))['response.499'] ?? 0) - (before['response.499'] ?? 0)).toBe(1);
      expect(await inQueue()).toEqual([]);
    },
  );

  it.each([
    ['a message', () => `/${topology.segment}/x/k`],
    ['the management plugin’s call', () => `/api/exchanges/${topology.segment}/x/publish`],
  ])('in the middle of the body of %s is told the request id that it gave, also under debug', async (_, path) => {
    const gateway = await gatewayForTest({ application: { debug: true } });
    const cut = one('cut short')
      .slice(0, -3)
      .replace(/^POST \S+/, `POST ${path()}`);
    const received = await writeAndEnd(
      connect(gateway.port, '127.0.0.1'),
      cut.replace('Host: g\r\n', 'Host: g\r\nX-Request-Id: order-4711\r\n'),
    );
    expect(received).toMatch(/^HTTP\/1\.1 400 .*"published":"no","request_id":"order-4711"/s);
  });

  it('gets its answer once its message is confirmed, though that takes a while', async () => {
    const proxy = await TcpProxy.start(topology.broker.port);
    onTestFinished(() => proxy.close());
    const gateway = await gatewayForTest({ rabbitmq: { host: '127.0.0.1', port: proxy.port } });
    proxy.link = { delayMs: 100 };
    expect(statuses(await writeAndEnd(connect(gateway.port, '127.0.0.1'), one('x')))).toEqual([204]);
    expect(await inQueue()).toEqual(['x']);
  });
});

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // It has been closed since its directory was listed.
    return '';
  }
}

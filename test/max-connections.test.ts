import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeCertificates } from './support/certificates.ts';
import { gatewayForTest, socketForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { basic, raw } from './support/http.ts';
import { PausedPost } from './support/paused-post.ts';
import { Topology } from './support/topology.ts';

const GET = 'GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n';
const LAST = GET.replace('Host', 'Connection: close\r\nHost');

describe('where there are as many connections as max_connections allows', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());

  const start = (http: Record<string, unknown>): Promise<GatewayProcess> => gatewayForTest({ http });
  /** Asks on an open connection, and gives back the first bytes of the answer. */
  const ask = async (socket: Socket, bytes = GET): Promise<string> => {
    const answered = once(socket, 'data');
    socket.write(bytes);
    return String((await answered)[0]);
  };
  const clients = async (gateway: GatewayProcess): Promise<Record<string, number>> => {
    const received = await raw(gateway.port, LAST.replace('healthz', 'stats'));
    return JSON.parse(received.slice(received.indexOf('\r\n\r\n'))).clients;
  };

  it('the one that has been idle for longest makes room for a new one, and only that', async () => {
    const gateway = await start({ max_connections: 3 });
    const sockets = [
      await socketForTest(gateway.port),
      await socketForTest(gateway.port),
      await socketForTest(gateway.port),
    ];
    for (const socket of sockets) expect(await ask(socket)).toMatch(/^HTTP\/1\.1 200 /);
    const [first, second, third] = sockets;
    if (!first || !second || !third) throw new Error('three connections were opened');
    expect(await ask(first)).toMatch(/^HTTP\/1\.1 200 /);
    const ended = text(second);
    expect(await raw(gateway.port, LAST)).toMatch(/^HTTP\/1\.1 200 /);
    await ended;
    expect(await ask(third)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await ask(first)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await clients(gateway)).toEqual({ open: 3, max: 3, made_room: 1, turned_away: 0 });
  });

  it('one that has sent nothing yet makes room, too', async () => {
    const gateway = await start({ max_connections: 2 });
    const silent = [
      await socketForTest(gateway.port),
      await socketForTest(gateway.port),
      await socketForTest(gateway.port),
    ];
    expect(await raw(gateway.port, LAST)).toMatch(/^HTTP\/1\.1 200 /);
    for (const socket of silent.slice(0, 2)) expect(await text(socket)).toBe('');
  });

  it('one on which a request is on its way does not, while another is idle', async () => {
    const gateway = await start({ max_connections: 2 });
    const begun = await socketForTest(gateway.port);
    begun.write(GET.slice(0, 20));
    const idle = await socketForTest(gateway.port);
    expect(await ask(idle)).toMatch(/^HTTP\/1\.1 200 /);
    const ended = text(idle);
    expect(await raw(gateway.port, LAST)).toMatch(/^HTTP\/1\.1 200 /);
    await ended;
    expect(await ask(begun, GET.slice(20))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('one whose head does not get on makes room where none is idle', async () => {
    const gateway = await start({ max_connections: 2, headers_timeout: 60 });
    const slow = [await socketForTest(gateway.port), await socketForTest(gateway.port)];
    for (const socket of slow) socket.write(GET.slice(0, 20));
    await expect.poll(() => raw(gateway.port, LAST), { timeout: 20_000 }).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('those with requests under way stay, and a new one is answered 503 with Retry-After', async () => {
    const gateway = await start({ max_connections: 2 });
    const headers = { authorization: basic(topology.user), 'content-type': 'text/plain' };
    const path = `/${topology.segment}/x/k`;
    const posts = [
      await PausedPost.begin(gateway.port, path, headers, 'one'),
      await PausedPost.begin(gateway.port, path, headers, 'two'),
    ];
    const refused = await raw(gateway.port, GET);
    expect(refused).toMatch(/^HTTP\/1\.1 503 /);
    expect(refused).toMatch(/^retry-after: 1\r$/im);
    expect(refused).toMatch(/^connection: close\r$/im);
    expect(refused).toContain('urn:statelessd:overloaded');
    for (const post of posts) expect((await post.finish()).status).toBe(204);
    expect(await raw(gateway.port, LAST)).toMatch(/^HTTP\/1\.1 200 /);
    expect((await topology.drain()).map(({ content }) => content.toString()).sort()).toEqual(['one', 'two']);
    expect((await clients(gateway)).turned_away).toBe(1);
  });

  it('ten times as many silent ones let everybody in', async () => {
    const gateway = await start({ max_connections: 50 });
    for (let n = 0; n < 500; n += 1) {
      await socketForTest(gateway.port);
      if (n % 50 === 0) expect(await raw(gateway.port, LAST)).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(await raw(gateway.port, LAST)).toMatch(/^HTTP\/1\.1 200 /);
    expect((await clients(gateway)).open).toBeLessThanOrEqual(50);
  });

  it('over TLS, those in their handshake and idle ones make room', async () => {
    const certificates = makeCertificates();
    onTestFinished(() => certificates.delete());
    const ca = readFileSync(certificates.ca);
    const gateway = await start({
      max_connections: 2,
      tls: { cert: certificates.cert, key: certificates.key },
    });
    const secure = async (): Promise<Socket> => {
      const socket = connectTls({ port: gateway.port, ca });
      onTestFinished(() => void socket.destroy());
      await once(socket, 'secureConnect');
      return socket;
    };
    const mute = [await socketForTest(gateway.port), await socketForTest(gateway.port)];
    const first = await secure();
    expect(await ask(first)).toMatch(/^HTTP\/1\.1 200 /);
    await text(mute[0] ?? first);
    const second = await secure();
    expect(await ask(second)).toMatch(/^HTTP\/1\.1 200 /);
    await text(mute[1] ?? first);
    const ended = text(first);
    expect(await ask(await secure())).toMatch(/^HTTP\/1\.1 200 /);
    await ended;
    expect(await ask(second)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { basic, raw } from './support/http.ts';
import { pipelinedPosts } from './support/pipelined-posts.ts';
import { Topology, type User } from './support/topology.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Another Node than that of the tests, unpacked by the project's own script. */
function unpacked(version: string): string {
  const folder = `${ROOT}.local/node-${version}`;
  execFileSync(`${ROOT}scripts/unpack-node`, [version, folder], { stdio: ['ignore', 'inherit', 'inherit'] });
  return `${folder}/bin/node`;
}

const LOGINS = 20;

describe.each(['here', '24', '26'])('on Node %s', (version) => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let path: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    path = `/${topology.segment}/x/k`;
    gateway = await GatewayProcess.start(version === 'here' ? {} : { node: unpacked(version) });
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway.stop();
    await topology.delete();
  });

  const head = (framing: string, user: User = topology.user): string =>
    `POST ${path} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(user)}\r\nContent-Type: application/octet-stream\r\n` +
    `Connection: close\r\n${framing}\r\n\r\n`;
  const withLength = (body: Buffer, user?: User): Buffer =>
    Buffer.concat([Buffer.from(head(`Content-Length: ${body.length}`, user)), body]);
  const chunked = (body: Buffer, size: number, user?: User): Buffer => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < body.length; at += size) {
      const piece = body.subarray(at, at + size);
      chunks.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    }
    return Buffer.concat([Buffer.from(head('Transfer-Encoding: chunked', user)), ...chunks, Buffer.from('0\r\n\r\n')]);
  };
  /** Writes it in pieces, each in a turn of its own. */
  async function inPieces(bytes: Buffer, size: number): Promise<string> {
    const socket = connect(gateway.port, '127.0.0.1');
    const received = text(socket);
    socket.setNoDelay(true);
    for (let at = 0; at < bytes.length; at += size) {
      socket.write(bytes.subarray(at, at + size));
      await turn();
    }
    return received;
  }
  const digest = (bytes: Buffer): string => `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
  /** Each was answered 204, and consumers get every byte of each. */
  async function expectWhole(answers: readonly string[], bodies: readonly Buffer[]): Promise<void> {
    expect(answers.map((answer) => answer.split('\r\n')[0])).toEqual(bodies.map(() => 'HTTP/1.1 204 No Content'));
    const received = (await topology.drain()).map(({ content }) => digest(content));
    expect(received.sort()).toEqual(bodies.map(digest).sort());
  }

  it.each([
    ['with its length', withLength],
    ['chunked', (body: Buffer, user: User) => chunked(body, 50_000, user)],
    ['in small chunks', (body: Buffer, user: User) => chunked(body, 700, user)],
  ])('the body of the first post of a login arrives whole: 100 KB %s', async (_, encode) => {
    const users = await Promise.all(
      Array.from({ length: LOGINS }, () => topology.addUser({ username: `u-${randomUUID()}`, password: 'p' })),
    );
    const bodies = users.map(() => randomBytes(100_000));
    const answers: string[] = [];
    for (const [n, user] of users.entries())
      answers.push(await raw(gateway.port, encode(bodies[n] ?? Buffer.alloc(0), user)));
    await expectWhole(answers, bodies);
  });

  it('a body arrives whole that was written in pieces', async () => {
    const bodies = [8_192, 8_192, 70_000].map((size) => randomBytes(size));
    const [first = Buffer.alloc(0), second = first, third = first] = bodies;
    const user = await topology.addUser({ username: `u-${randomUUID()}`, password: 'p' });
    await expectWhole(
      [
        await inPieces(withLength(first, user), 1_024),
        await inPieces(withLength(second), 1_024),
        await inPieces(chunked(third, 1_024), 1_024),
      ],
      bodies,
    );
  });

  it('a body arrives whole that ends where a read ends, or beside it', async () => {
    const sizes = [0, 1, 16_384, 65_535, 65_536, 65_537, 131_072, 65_536 - head('Content-Length: 65000').length];
    const bodies = sizes.map((size) => randomBytes(size));
    const answers: string[] = [];
    for (const body of bodies) answers.push(await raw(gateway.port, withLength(body)));
    await expectWhole(answers, bodies);
  });

  it('a body of 10 MB arrives whole', async () => {
    const bodies = [randomBytes(10_000_000), randomBytes(10_000_000)];
    const [first = Buffer.alloc(0), second = first] = bodies;
    await expectWhole(
      [await raw(gateway.port, withLength(first)), await raw(gateway.port, chunked(second, 100_000))],
      bodies,
    );
  });

  it('hundreds of pipelined requests are served, each once, whatever their framing', async () => {
    const bodies = Array.from({ length: 500 }, (_, n) => `${n}:`.padEnd(n % 20 === 0 ? 30_000 : 10, 'x'));
    const upgrade = (n: number): string => (n % 5 === 0 ? 'Connection: Upgrade\r\nUpgrade: h2c\r\n' : '');
    const received = await raw(gateway.port, pipelinedPosts(path, topology.user, bodies, upgrade));
    expect(received.match(/^HTTP\/1\.1 \d+/gm)).toEqual(bodies.map(() => 'HTTP/1.1 204'));
    const published = (await topology.drain()).map(({ content }) => content.toString());
    expect(published.sort().join('\n') === bodies.toSorted().join('\n')).toBe(true);
  });

  it('requests behind one that asks for an upgrade are served', async () => {
    const one = (body: string, lines = ''): string =>
      `POST ${path} HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(topology.user)}\r\nContent-Type: text/plain\r\n` +
      `${lines}Content-Length: ${body.length}\r\n\r\n${body}`;
    const upgrade = 'Connection: Upgrade\r\nUpgrade: h2c\r\n';
    const received = await raw(
      gateway.port,
      one('a', upgrade) + one('b') + one('c', upgrade) + one('d', upgrade) + one('e', 'Connection: close\r\n'),
    );
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(Array(5).fill('HTTP/1.1 204'));
    const messages = (await topology.drain()).map(({ content }) => content.toString());
    expect(messages).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('what is no HTTP behind an upgrade ends its connection, and what is behind a refused expectation is served', async () => {
    const upgrade = 'Connection: Upgrade\r\nUpgrade: h2c\r\n';
    const get = (lines: string): string => `GET /healthz HTTP/1.1\r\nHost: g\r\n${lines}\r\n`;
    for (const rest of ['\0', 'GET / HTTP/1.1\r\nHost: \0'])
      expect(await raw(gateway.port, get(upgrade) + rest)).toMatch(/^HTTP\/1\.1 200 /);
    const broken = `${get(`${upgrade}Transfer-Encoding: chunked\r\n`).replace('GET', 'POST')}no size`;
    expect(await raw(gateway.port, broken)).toMatch(/^HTTP\/1\.1 401 /);
    const asking = get('Expect: 100-continue\r\nContent-Length: 1\r\n').replace('GET', 'PUT');
    const received = await raw(gateway.port, `${asking}x${get('Connection: close\r\n')}`);
    expect(received.match(/HTTP\/1\.1 [2-5]\d+/g)).toEqual(['HTTP/1.1 405', 'HTTP/1.1 200']);
  });

  it('a client that ends its side gets its answer, and a refusal lets the next request be served', async () => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.end(withLength(Buffer.from('half')).toString().replace('Connection: close\r\n', ''));
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 204 /);
    const refused = withLength(Buffer.alloc(1_000))
      .toString()
      .replace(/(Authorization|Connection): .*\r\n/g, '');
    const received = await raw(gateway.port, refused + withLength(Buffer.from('next')).toString());
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401', 'HTTP/1.1 204']);
    expect((await topology.drain()).map(({ content }) => content.toString())).toEqual(['half', 'next']);
  });
});

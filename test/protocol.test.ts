import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { basic, http, raw } from './support/http.ts';
import { Topology } from './support/topology.ts';

/** With the access log, which by default is silent. */
const LOGGING = {
  version: 1,
  formatters: { short: { format: '%(name)s|%(message)s' } },
  handlers: { only: { class: 'logging.StreamHandler', formatter: 'short' } },
  loggers: {
    statelessd: { level: 'INFO', handlers: ['only'] },
    tornado: { level: 'INFO', handlers: ['only'] },
  },
};

describe('of HTTP itself,', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let path: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    path = `/${topology.segment}/x/k`;
    gateway = await GatewayProcess.start({ http: { headers_timeout: 1 }, logging: LOGGING });
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway.stop();
    await topology.delete();
  });

  /** A whole request as bytes, with these header lines. */
  const request = (lines: readonly string[], body = 'x', target = path): string =>
    [
      `POST ${target} HTTP/1.1`,
      `Authorization: ${basic(topology.user)}`,
      'Content-Type: text/plain',
      ...lines,
      ...(lines.some((line) => /^transfer-encoding/i.test(line)) ? [] : [`Content-Length: ${body.length}`]),
      '',
      body,
    ].join('\r\n');
  const CLOSE = 'Connection: close';
  const statuses = (received: string): number[] =>
    [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  const inQueue = async (): Promise<string[]> => (await topology.drain()).map(({ content }) => content.toString());
  /** The lines of the gateway's log that have this text. */
  const lines = (text: string): string[] => gateway.stderr.split('\n').filter((line) => line.includes(text));

  it.each([
    'example.org',
    'EXAMPLE.org:8000',
    'localhost:',
    'a_b',
    'a.b.',
    'caf%C3%A9.example',
    "!$&'()*+,;=~-._",
    '127.0.0.1:1',
    '[::1]',
    '[::1]:',
    '[0:0:0:0:0:0:0:1]:8000',
    '[::FFFF:127.0.0.1]:80',
    '[fe80::1%eth0]:80',
    '[v1.a:b]',
    ':80',
    'x:99999999',
    '',
  ])('the Host %j is accepted', async (host) => {
    expect(statuses(await raw(gateway.port, request([`Host: ${host}`, CLOSE])))).toEqual([204]);
    expect(await inQueue()).toEqual(['x']);
  });

  it.each([
    ['with a space', ['Host: a b']],
    ['of a user', ['Host: a@b']],
    ['with a broken escape', ['Host: %zz']],
    ['with a path', ['Host: a/b']],
    ['with a port that is no number', ['Host: a:b']],
    ['of a broken address', ['Host: [::1']],
    ['of no address', ['Host: [x]']],
    ['of several', ['Host: a,b c']],
    ['that stands twice', ['Host: a', 'Host: a']],
    ['that is missing', []],
  ])('a Host %s is refused with 400', async (_, host) => {
    const received = await raw(gateway.port, request([...host, CLOSE]));
    expect(statuses(received)).toEqual([400]);
    expect(received).toMatch(/"detail":"[^"]*Host/);
    expect(await inQueue()).toEqual([]);
  });

  it.each(['gzip, chunked', 'chunked, chunked', 'gzip', 'identity', 'x'])(
    'the transfer coding %s is refused with 501, and nothing is published',
    async (coding) => {
      const received = await raw(
        gateway.port,
        request(['Host: g', `Transfer-Encoding: ${coding}`, CLOSE], '1\r\nx\r\n0\r\n\r\n'),
      );
      expect(statuses(received)).toEqual([501]);
      expect(received).toContain('urn:statelessd:unsupported-transfer-coding');
      expect(await inQueue()).toEqual([]);
    },
  );

  it('the transfer coding chunked may be written in any case', async () => {
    const chunks = '1\r\nx\r\n0\r\n\r\n';
    expect(
      statuses(await raw(gateway.port, request(['Host: g', 'Transfer-Encoding: Chunked', CLOSE], chunks))),
    ).toEqual([204]);
    expect(await inQueue()).toEqual(['x']);
  });

  it.each([
    ['h2c, as Java asks for it', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']],
    ['a WebSocket', ['Connection: upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13']],
  ])('an upgrade to %s is ignored, and so are several, and what follows is served', async (_, upgrade) => {
    const asking = (body: string): string => request(['Host: g', ...upgrade], body);
    const plain = (body: string): string => request(['Host: g'], body);
    const socket = connect(gateway.port, '127.0.0.1');
    const received = new Promise<string>((resolve) => {
      let all = '';
      socket.on('data', (chunk) => {
        all += chunk;
        // The rest comes in another read than what it follows.
        if (statuses(all).length === 5) socket.write(asking('6') + plain('7') + request(['Host: g', CLOSE], '8'));
      });
      socket.once('close', () => resolve(all));
    });
    socket.write(asking('1') + plain('2') + asking('3') + asking('4') + plain('5'));
    expect(statuses(await received)).toEqual(Array(8).fill(204));
    expect(await inQueue()).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });

  describe('what is no HTTP ends the connection, and nothing else, behind an ignored upgrade', () => {
    const UPGRADE = ['Host: g', 'Connection: Upgrade', 'Upgrade: h2c'];
    const CHUNKED = [...UPGRADE, 'Transfer-Encoding: chunked'];
    const GET = `GET /healthz HTTP/1.1\r\n${UPGRADE.join('\r\n')}\r\n\r\n`;

    it.each([
      ['of a GET', () => [`${GET}\0\0\0`], [200]],
      ['of a GET, in another read', () => [GET, '\0\0\0'], [200, 400]],
      ['of a POST', () => [`${request(UPGRADE)}\0`], [204]],
      ['of a POST, in another read', () => [request(UPGRADE), '\0\0\0'], [204, 400]],
      ['as a request that breaks off', () => [`${request(UPGRADE)}POST / HTTP/1.1\r\nHost: \0`], [204]],
      ['as chunks of its own', () => [request(CHUNKED, '1\r\nx\r\nno size')], [400]],
      ['as chunks of its own, in another read', () => [request(CHUNKED, '1\r\nx\r\n'), 'no size'], [400]],
      ['as chunks of the request behind it', () => [request(UPGRADE) + request(CHUNKED, 'no size')], [204, 400]],
    ])('%s', async (_, reads, answered) => {
      const socket = connect(gateway.port, '127.0.0.1');
      const received = text(socket);
      const [first = '', second] = reads();
      socket.write(first);
      if (second !== undefined) {
        if (answered.length > 1) await once(socket, 'data');
        // Whatever is answered later has come later.
        else await http(gateway.port, '/healthz', { method: 'GET' });
        socket.write(second);
      }
      expect(statuses(await received)).toEqual(answered);
      expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
    });
  });

  it.each([
    ['says nothing', ['Expect:']],
    ['says it twice', ['Expect: 100-continue', 'Expect: 100-continue']],
  ])('an Expect that %s is met', async (_, expectation) => {
    const received = await raw(gateway.port, request(['Host: g', ...expectation, CLOSE]));
    expect(statuses(received).filter((status) => status !== 100)).toEqual([204]);
    expect(await inQueue()).toEqual(['x']);
  });

  it('the request id of a CONNECT stands in its answer', async () => {
    const received = await raw(gateway.port, 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: tunnel-1\r\n\r\n');
    expect(received).toMatch(/^X-Request-Id: tunnel-1\r$.*"request_id":"tunnel-1"/ms);
  });

  describe('HTTP/1.0', () => {
    const old = (body: string, ...headers: string[]): string =>
      request(headers, body).replace('HTTP/1.1\r\n', 'HTTP/1.0\r\n');

    it('keeps the connection where it is asked to, and says so', async () => {
      const keep = 'Connection: keep-alive';
      const received = await raw(
        gateway.port,
        old('a', keep) + old('b', keep).replace(/^POST \S+/, 'POST /no/such/path/x') + old('c', keep) + old('d'),
      );
      expect(statuses(received)).toEqual([204, 404, 204, 204]);
      expect(received.match(/^connection: .*$/gim)).toEqual([keep, keep, keep, CLOSE]);
      expect(await inQueue()).toEqual(['a', 'c', 'd']);
    });

    it('is kept alive by ab -k', () => {
      const body = fileURLToPath(new URL('fixtures/ab-body.txt', import.meta.url));
      const said = execFileSync(
        'ab',
        [
          ...['-q', '-k', '-n', '200', '-c', '4', '-p', body, '-T', 'text/plain'],
          ...['-A', `${topology.user.username}:${topology.user.password}`],
          `http://127.0.0.1:${gateway.port}${path}`,
        ],
        { encoding: 'utf8' },
      );
      expect(said).toMatch(/^Keep-Alive requests: +200$/m);
      expect(said).toMatch(/^Failed requests: +0$/m);
      expect(said).not.toMatch(/Non-2xx/);
    });
  });

  it('the PROXY protocol is refused with a hint at the proxy', async () => {
    for (const preamble of [
      'PROXY TCP4 192.0.2.1 192.0.2.2 56324 80\r\n',
      '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x80\xe8\0\x50',
    ]) {
      const received = await raw(gateway.port, Buffer.from(preamble + request(['Host: g', CLOSE]), 'latin1'));
      expect(statuses(received)).toEqual([400]);
      expect(received).toMatch(/"detail":"this is the PROXY protocol.*send-proxy/);
    }
    expect(await inQueue()).toEqual([]);
  });

  it('TLS on a plain port is refused with a hint', async () => {
    const received = await raw(gateway.port, Buffer.from('\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 'latin1'));
    expect(received).toMatch(/^HTTP\/1\.1 400 .*"detail":"this is TLS/s);
  });

  it('a password in the request target is not logged', async () => {
    const target = `http://app:s3cret-word@gateway${path}`;
    expect(statuses(await raw(gateway.port, request(['Host: g', CLOSE], 'x', target)))).toEqual([204]);
    const refused = await raw(gateway.port, request(['Host: g', CLOSE], 'x', 'ftp://app:s3cret-word@gateway/x'));
    expect(statuses(refused)).toEqual([400]);
    await expect.poll(() => lines('ftp://gateway/x').length).toBeGreaterThan(0);
    expect(gateway.stderr).not.toContain('s3cret-word');
  });

  describe('a POST that ends in', () => {
    const post = (target: string, method = 'POST', headers = ''): string =>
      `${method} ${target} HTTP/1.1\r\nHost: g\r\n${headers}Content-Length: 0\r\n${CLOSE}\r\n\r\n`;

    it.each([
      ['404 no-such-path', 'no-such-path', post('/a/b/c/d/e')],
      ['405', 'method-not-allowed', post('/')],
      ['417', 'expectation-failed', post('/a/b/c', 'POST', 'Expect: magic\r\n')],
      ['431', 'headers-too-large', post('/a/b/c', 'POST', `X-Large: ${'x'.repeat(20_000)}\r\n`)],
      [
        '501',
        'unsupported-transfer-coding',
        `POST /a/b/c HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: x, chunked\r\n${CLOSE}\r\n\r\n0\r\n\r\n`,
      ],
      ['400 for its Host', 'malformed-request', post('/a/b/c', 'POST', 'Host: h\r\n')],
      ['400 for bytes that are no HTTP', 'malformed-request', 'POST /a/b/c HTTP/1.1\r\nHost: g\r\n\0: x\r\n\r\n'],
      ['408', 'request-timeout', 'POST /a/b/c HTTP/1.1\r\nHost: g\r\n'],
    ])('%s leaves a line of the access log and one of the message', async (status, slug, bytes) => {
      const before = [lines('tornado.access|').length, lines('not published ').length];
      const received = await raw(gateway.port, bytes);
      expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status.slice(0, 3)} .*Statelessd-Error: ${slug}; `, 's'));
      await expect
        .poll(() => [lines('tornado.access|').length, lines('not published ').length])
        .toEqual(before.map((count) => count + 1));
      const id = /x-request-id: (\S+)/i.exec(received)?.[1];
      expect(lines('not published ').at(-1)).toContain(`request_id="${id}"`);
      expect(lines('tornado.access|').at(-1)).toContain('client="127.0.0.1"');
    });
  });

  it('a connection on which nothing comes is ended with 408, and no message is missed', async () => {
    const before = lines('not published ').length;
    expect(await raw(gateway.port, '')).toMatch(/^HTTP\/1\.1 408 /);
    await raw(gateway.port, request(['Host: a b', 'X-Request-Id: the-next', CLOSE]));
    await gateway.says('request_id="the-next"');
    expect(lines('not published ').length).toBe(before + 1);
  });
});

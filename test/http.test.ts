import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { basic, FORM, http, keepAliveAgent, raw } from './support/http.ts';
import { Topology } from './support/topology.ts';

describe('HTTP', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let path: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start({
      http: { max_body_size: 100_000, headers_timeout: 1, request_timeout: 2 },
    });
    path = `/${topology.segment}/x/k`;
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway.stop();
    await topology.delete();
  });

  const post = (body: string, headers: Record<string, string>, chunked = false) =>
    http(gateway.port, path, { user: topology.user, body, headers, chunked });
  const head = (extra: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: ${basic(topology.user)}\r\n${extra}\r\n`;

  it('refuses a body over max_body_size by its length, before it is sent', async () => {
    const received = await raw(gateway.port, head('Content-Length: 100001\r\n'));
    expect(received).toMatch(/^HTTP\/1\.1 413 /);
    expect(received).toMatch(/connection: close/i);
    expect(received).toContain('urn:statelessd:body-too-large');
  });

  it('refuses a chunked body once it is over max_body_size', async () => {
    const answer = await post('x'.repeat(1_000_000), { 'content-type': 'text/plain' }, true);
    expect([answer.status, answer.headers.connection]).toEqual([413, 'close']);
    expect((await post('x'.repeat(100_001), { 'content-type': 'text/plain' }, true)).status).toBe(413);
    expect(await topology.drain()).toEqual([]);
  });

  it('takes a body of exactly max_body_size, with its length or chunked', async () => {
    for (const chunked of [false, true])
      expect((await post('x'.repeat(100_000), { 'content-type': 'text/plain' }, chunked)).status).toBe(204);
    expect((await topology.drain()).map(({ content }) => content.length)).toEqual([100_000, 100_000]);
  });

  it('judges credentials before the body is sent, and closes the connection', async () => {
    const received = await raw(gateway.port, `POST ${path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: 50000\r\n\r\n`);
    expect(received).toMatch(/^HTTP\/1\.1 401 /);
    expect(received).toMatch(/connection: close/i);
  });

  it('lets a client that sends everything first read an early refusal', async () => {
    const body = 'x'.repeat(5_000_000);
    const answer = await post(body, { 'content-type': 'text/plain' });
    expect([answer.status, answer.problem.type]).toEqual([413, 'urn:statelessd:body-too-large']);
  });

  it('tells a client to go on only when its body is wanted', async () => {
    const refused = await raw(gateway.port, head('Content-Length: 100001\r\nExpect: 100-continue\r\n'));
    expect(refused).toMatch(/^HTTP\/1\.1 413 /);
    const socket = connect(gateway.port, '127.0.0.1');
    socket.write(head('Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n'));
    let received = '';
    for await (const chunk of socket) {
      received += chunk;
      if (received.endsWith('100 Continue\r\n\r\n')) socket.write('hi');
    }
    expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 204 /);
  });

  it('answers 417 for another expectation', async () => {
    const answer = await post('x', { expect: 'magic' });
    expect([answer.status, answer.problem.type]).toEqual([417, 'urn:statelessd:expectation-failed']);
  });

  it('answers 405 to CONNECT', async () => {
    const answer = await raw(gateway.port, 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 405 /);
    expect(answer).toContain('"type":"urn:statelessd:method-not-allowed"');
  });

  it('survives a CONNECT whose client is gone at once', async () => {
    for (let n = 0; n < 20; n += 1) {
      const socket = connect(gateway.port, '127.0.0.1', () => {
        socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', () => socket.resetAndDestroy());
      });
      await once(socket, 'close');
    }
    expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
    expect(gateway.stderr).not.toMatch(/died/);
  });

  it('answers the request before a CONNECT, and nothing to that', async () => {
    const connectLine = 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n';
    const received = await raw(
      gateway.port,
      `${head('Content-Length: 1\r\nContent-Type: text/plain\r\n')}x${connectLine}`,
    );
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 204']);
    expect((await topology.only()).content.toString()).toBe('x');
  });

  it('answers 431 for headers that are too large', async () => {
    const received = await raw(gateway.port, head(`X-Large: ${'x'.repeat(20_000)}\r\n`));
    expect(received).toMatch(/^HTTP\/1\.1 431 /);
    expect(received).toContain('Statelessd-Error: headers-too-large; published=no');
  });

  it('answers 408 for slow headers and for a slow body, and publishes nothing', async () => {
    const [headers, body] = await Promise.all([
      raw(gateway.port, `POST ${path} HTTP/1.1\r\nHost: g`),
      raw(gateway.port, `${head('Content-Length: 10\r\n')}hello`),
    ]);
    for (const received of [headers, body]) {
      expect(received).toMatch(/^HTTP\/1\.1 408 /);
      expect(received).toContain('urn:statelessd:request-timeout');
    }
    expect(await topology.drain()).toEqual([]);
  });

  it('frees what a request that timed out had reserved, and does not publish what comes too late', async () => {
    const socket = connect(gateway.port, '127.0.0.1');
    socket.write(`${head('Content-Length: 10\r\n')}hello`);
    let received = '';
    for await (const chunk of socket) {
      received += chunk;
      if (/^HTTP\/1\.1 408 /.test(received)) socket.write('world');
    }
    expect(received).toContain('request-timeout; published=no');
    expect(await topology.drain()).toEqual([]);
  });

  it('does not answer a whole request with the error of what follows it', async () => {
    const received = await raw(gateway.port, `${head('Content-Length: 1\r\nContent-Type: text/plain\r\n')}xé`);
    expect(received).toMatch(/^HTTP\/1\.1 204 /);
    expect((await topology.only()).content.toString()).toBe('x');
  });

  it.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a length and chunks', 'POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['no Host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['a broken Host', 'GET /healthz HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
    ['a raw byte in the path', 'GET /\xff HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n'],
    ['a backslash', 'GET /a\\b HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n'],
    ['a fragment', 'POST /a/b/c#d HTTP/1.1\r\nHost: g\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'],
  ])('answers 400 for %s', async (_, bytes) => {
    const received = await raw(gateway.port, Buffer.from(bytes, 'latin1'));
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(received).toContain('urn:statelessd:malformed-request');
  });

  it('serves many requests on one connection', async () => {
    const agent = keepAliveAgent(1);
    const call = { user: topology.user, body: 'body=x', headers: FORM };
    for (let count = 0; count < 5; count += 1) {
      const answer = await http(gateway.port, path, call, agent);
      expect([answer.status, answer.headers.connection]).toEqual([204, 'keep-alive']);
    }
    agent.destroy();
  });

  it('keeps the connection of a request that was read whole and refused', async () => {
    const agent = keepAliveAgent(1);
    for (const [body, status] of [
      ['body=x&priority=high', 400],
      ['body=%zz', 400],
      ['', 400],
      ['body=x', 204],
    ] as const) {
      const answer = await http(gateway.port, path, { user: topology.user, body, headers: FORM }, agent);
      expect([answer.status, answer.headers.connection]).toEqual([status, 'keep-alive']);
    }
    agent.destroy();
  });

  it('answers pipelined requests in order', async () => {
    const one = (id: number): string => `${head(`X-Request-Id: id-${id}\r\nContent-Length: 1\r\n`)}x`;
    const last = head('X-Request-Id: id-9\r\nContent-Length: 0\r\nConnection: close\r\n');
    const received = await raw(gateway.port, one(1) + one(2) + one(3) + last);
    expect([...received.matchAll(/x-request-id: (id-\d)/gi)].map(([, id]) => id)).toEqual([
      'id-1',
      'id-2',
      'id-3',
      'id-9',
    ]);
  });

  it('is alive, and ready while the broker is there', async () => {
    const health = await http(gateway.port, '/healthz', { method: 'GET' });
    expect([health.status, JSON.parse(health.text)]).toEqual([200, { status: 'ok' }]);
    const ready = await http(gateway.port, '/readyz', { method: 'GET' });
    expect([ready.status, JSON.parse(ready.text)]).toMatchObject([
      200,
      { ready: true, draining: false, blocked: null },
    ]);
  });

  it('answers HEAD as GET without the body', async () => {
    const answer = await http(gateway.port, '/stats', { method: 'HEAD' });
    expect([answer.status, answer.text]).toEqual([200, '']);
  });

  it('has a page at /', async () => {
    const answer = await http(gateway.port, '/', { method: 'GET' });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=UTF-8']);
  });

  it('gives the statistics of 2013, with their types', async () => {
    await post('body=x', FORM);
    const stats = JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text);
    expect(stats).toMatchObject({
      block: { input: expect.any(Number), output: expect.any(Number) },
      context_switches: expect.any(Number),
      cpu_time: { system: expect.any(Number), user: expect.any(Number) },
      memory_usage: expect.any(Number),
      page_faults: { major: expect.any(Number), minor: expect.any(Number) },
      page_size: 4096,
      port: gateway.port,
      signals_received: expect.any(Number),
      swap_outs: expect.any(Number),
      timestamp: expect.any(Number),
      host: expect.any(String),
      version: '1.0.0',
      uptime: expect.any(Number),
      requests: {
        'method.POST': expect.any(Number),
        'response.204': expect.any(Number),
        processing_time: expect.any(Number),
      },
    });
    expect(stats.connections[`${topology.vhost}:${topology.user.username}`]).toEqual({
      connected: true,
      connections: { opened: 1, closed: 0 },
      channels: { opened: expect.any(Number), closed: expect.any(Number) },
      publishes: expect.any(Number),
      queue_size: 0,
      in_flight: 0,
      blocked: false,
      refused: 0,
      unroutable: 0,
      nacked: 0,
      republished: 0,
      abandoned: 0,
      latency: {
        p50: expect.any(Number),
        p95: expect.any(Number),
        p99: expect.any(Number),
        max: expect.any(Number),
      },
    });
  });
});

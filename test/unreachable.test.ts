import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Certificates, makeCertificates } from './support/certificates.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { TcpProxy } from './support/tcp-proxy.ts';
import { sharedBroker, Topology } from './support/topology.ts';

const CANNOT = 'RabbitMQ cannot be reached';

/** What each line with that sentence says, but for what all lines have. */
const linesOf = (gateway: GatewayProcess, sentence: string): unknown[] =>
  gateway.stderr
    .split('\n')
    .filter((line) => line.includes(sentence))
    .map((line) => {
      const { time: _at, level: _level, logger: _logger, message: _sentence, ...fields } = JSON.parse(line);
      return fields;
    });

describe('a RabbitMQ that cannot be reached', () => {
  let certificates: Certificates;
  beforeAll(() => {
    certificates = makeCertificates();
  });
  afterAll(() => certificates.delete());

  /** What may stand where a broker should. */
  async function listening<S extends Server>(server: S, host = '127.0.0.1', port = 0): Promise<number> {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    await once(server.listen(port, host), 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const address = server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }
  const tlsServer = (onSecure: (socket: TLSSocket) => void = () => {}) =>
    createTlsServer({ key: readFileSync(certificates.key), cert: readFileSync(certificates.cert) }, (socket) => {
      socket.on('error', () => {});
      onSecure(socket);
    }).on('tlsClientError', () => {});
  const closing = () => createServer((socket) => socket.once('data', () => socket.destroy()));
  const silent = () => createServer(() => {});

  const start = (rabbitmq: Record<string, unknown>, settings: Settings = {}): Promise<GatewayProcess> =>
    gatewayForTest({
      rabbitmq: { connect_timeout: 0.5, ...rabbitmq },
      publishing: { publish_timeout: 1 },
      ...settings,
    });
  const get = async (gateway: GatewayProcess, path: string) =>
    JSON.parse((await http(gateway.port, path, { method: 'GET' })).text);
  const post = (gateway: GatewayProcess): Promise<Answer> =>
    http(gateway.port, '/v/x/k', { user: { username: 'u', password: 'p' }, body: 'body=x', headers: FORM });
  interface Place {
    readonly host: string;
    readonly port: number;
    readonly tls?: object;
  }
  const PLACES: readonly [string, string, () => Promise<Place>][] = [
    ['is not there', 'connection refused', async () => ({ host: '127.0.0.1', port: 1 })],
    ['has a name that nobody knows', 'unknown host name', async () => ({ host: 'nowhere.invalid', port: 5672 })],
    [
      'does not speak TLS',
      'TLS: the port does not speak TLS',
      async () => ({ host: '127.0.0.1', port: sharedBroker().port, tls: {} }),
    ],
    [
      'has a certificate that is not trusted',
      'TLS: the certificate is not trusted: its authority is unknown',
      async () => ({ host: '127.0.0.1', port: await listening(tlsServer()), tls: {} }),
    ],
    [
      'has the certificate of another host',
      'TLS: the certificate is for another host name',
      async () => ({
        host: '127.0.0.2',
        port: await listening(tlsServer(), '127.0.0.2'),
        tls: { ca: certificates.ca },
      }),
    ],
    [
      'closes in the TLS handshake',
      'closed during the TLS handshake',
      async () => ({ host: '127.0.0.1', port: await listening(closing()), tls: {} }),
    ],
    [
      'is silent in the TLS handshake',
      'timed out',
      async () => ({ host: '127.0.0.1', port: await listening(silent()), tls: {} }),
    ],
    [
      'closes in the AMQP handshake',
      'closed during the AMQP handshake',
      async () => ({ host: '127.0.0.1', port: await listening(closing()) }),
    ],
    [
      'is silent in the AMQP handshake',
      'no answer during the AMQP handshake',
      async () => ({ host: '127.0.0.1', port: await listening(silent()) }),
    ],
  ];

  it.each(PLACES)(
    'because it %s: log, /readyz and /stats say so, and clients do not learn it',
    async (_, cause, at) => {
      const { host, port, tls } = await at();
      const gateway = await start({ host, port, ...(tls && { tls }) });
      const answer = await post(gateway);
      expect(answer.problem.type).toBe('urn:statelessd:broker-unavailable');
      expect(answer.text).not.toContain(cause);
      expect(answer.text).not.toMatch(/TLS|refused|host|certificate|handshake/);
      await gateway.says(CANNOT);
      expect(linesOf(gateway, CANNOT)).toEqual([{ host, port, cause }]);
      const unreachable = [{ host, port, cause }];
      expect((await get(gateway, '/readyz')).unreachable).toEqual(unreachable);
      expect((await get(gateway, '/stats')).state.unreachable).toEqual(unreachable);
    },
  );

  it('is logged when that changes, and not at each attempt', async () => {
    let attempts = 0;
    let onThird = (): void => {};
    const third = new Promise<void>((resolve) => {
      onThird = resolve;
    });
    const closed = createServer();
    const port = await listening(closed);
    await new Promise((resolve) => closed.close(resolve));
    const gateway = await start({ host: '127.0.0.1', port, tls: { ca: certificates.ca } });
    await gateway.says('connection refused');
    const plain = createServer((socket) => {
      attempts += 1;
      if (attempts === 3) onThird();
      socket.resume().end('this is no TLS');
    });
    await listening(plain, '127.0.0.1', port);
    await third;
    expect(linesOf(gateway, CANNOT)).toEqual([
      { host: '127.0.0.1', port, cause: 'connection refused' },
      { host: '127.0.0.1', port, cause: 'TLS: the port does not speak TLS' },
    ]);
    await new Promise((resolve) => plain.close(resolve));
    await gateway.says('connection refused', 2);
    await listening(tlsServer(), '127.0.0.1', port);
    await gateway.says('RabbitMQ can be reached again');
    expect((await get(gateway, '/readyz')).unreachable).toEqual([]);
  });

  it('is named beside one that can be', async () => {
    const topology = await Topology.create();
    onTestFinished(() => topology.delete());
    await topology.exchangeWithQueue();
    const gateway = await start({ hosts: ['127.0.0.1:1', `127.0.0.1:${sharedBroker().port}`] });
    const { status } = await http(gateway.port, `/${topology.segment}/x/k`, {
      user: topology.user,
      body: 'body=x',
      headers: FORM,
    });
    expect(status).toBe(204);
    expect(await get(gateway, '/readyz')).toMatchObject({
      ready: true,
      broker: 'connected',
      unreachable: [{ host: '127.0.0.1', port: 1, cause: 'connection refused' }],
    });
  });

  it('is told to operators only', async () => {
    const gateway = await start(
      { host: '127.0.0.1', port: 1 },
      { http: { operations: { allow: ['192.0.2.0/24'] } }, publishing: { publish_timeout: 1 } },
    );
    await gateway.says(CANNOT);
    expect((await get(gateway, '/readyz')).unreachable).toEqual([]);
  });

  it.each([
    ['localhost', 'localhost'],
    ['127.0.0.1', false],
  ])('is asked for by name in the TLS handshake, where it has one: %s', async (host, expected) => {
    const names: unknown[] = [];
    let onLogin = (): void => {};
    const login = new Promise<void>((resolve) => {
      onLogin = resolve;
    });
    const port = await listening(
      tlsServer((socket) => {
        names.push(socket.servername);
        socket.once('data', () => onLogin());
      }),
    );
    const gateway = await start({ host, port, tls: { ca: certificates.ca } });
    await Promise.all([login, post(gateway)]);
    expect(new Set(names)).toEqual(new Set([expected]));
  });
});

describe('a connection to RabbitMQ that ends', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());

  const started = (port: number): Promise<GatewayProcess> => gatewayForTest({ rabbitmq: { host: '127.0.0.1', port } });
  const post = (gateway: GatewayProcess): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x/k`, { user: topology.user, body: 'body=x', headers: FORM });
  it('is logged with host, port and what the broker said', async () => {
    const { port } = sharedBroker();
    const gateway = await started(port);
    expect((await post(gateway)).status).toBe(204);
    await topology.api('DELETE', `/connections/username/${topology.user.username}`);
    await gateway.says('connection lost');
    expect(linesOf(gateway, 'connection lost')).toEqual([
      {
        vhost: topology.vhost,
        user: topology.user.username,
        host: '127.0.0.1',
        port,
        cause: 'CONNECTION_FORCED - Closed via management plugin',
      },
    ]);
  });

  it('is logged with host, port and what became of it', async () => {
    const proxy = await TcpProxy.start(sharedBroker().port);
    onTestFinished(() => proxy.close());
    const gateway = await started(proxy.port);
    expect((await post(gateway)).status).toBe(204);
    proxy.cut();
    await gateway.says('connection lost');
    expect(linesOf(gateway, 'connection lost')).toMatchObject([
      {
        host: '127.0.0.1',
        port: proxy.port,
        cause: expect.stringMatching(/^(closed by the other side|connection reset)$/),
      },
    ]);
  });

  it('cannot be opened for the broker’s limits: that is logged, once', async () => {
    const limited = await topology.addUser({ username: `limited-${topology.vhost}`, password: 'p' });
    await topology.api('PUT', `/user-limits/${limited.username}/max-connections`, { value: 0 });
    const { port } = sharedBroker();
    const gateway = await started(port);
    for (let n = 0; n < 3; n += 1) {
      const answer = await http(gateway.port, `/${topology.segment}/x/k`, {
        user: limited,
        body: 'body=x',
        headers: FORM,
      });
      expect(answer.problem.type).toBe('urn:statelessd:broker-limit');
    }
    expect(linesOf(gateway, 'RabbitMQ accepts no more connections')).toEqual([
      {
        host: '127.0.0.1',
        port,
        detail: expect.stringMatching(/^NOT_ALLOWED - .*limit/),
      },
    ]);
  });
});

import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { otherRabbitmq } from './support/other-rabbitmq.ts';
import { stampMessages } from './support/stamping-plugin.ts';
import { TcpProxy } from './support/tcp-proxy.ts';
import { portsOf, Topology } from './support/topology.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const JSON_TYPE = { 'content-type': 'application/json' };
const said = ({ status, headers }: Answer): string => `${status}${headers['statelessd-unrouted'] ? ' unrouted' : ''}`;

/** Stamps that RabbitMQ 4.0 can put on what it is sent, and so on what it returns. */
const stamps = (overwrite: 'true' | 'false'): Record<string, string> => ({
  'message_interceptors.incoming.set_header_timestamp.overwrite': overwrite,
  'message_interceptors.incoming.set_header_routing_node.overwrite': overwrite,
});

interface Installation {
  readonly config?: Record<string, string>;
  readonly fetch?: () => Promise<string>;
  readonly prepare?: (broker: Broker) => Promise<void>;
}

describe.each<[string, Installation]>([
  ['that stamps messages', { config: stamps('false'), fetch: otherRabbitmq }],
  ['that stamps messages over what they say', { config: stamps('true'), fetch: otherRabbitmq }],
  ['of another version', { fetch: otherRabbitmq }],
  ['of this machine', {}],
  ['of this machine with a plugin that stamps messages', { prepare: stampMessages }],
])('an unroutable message, on a RabbitMQ %s,', (_, { config = {}, fetch, prepare }) => {
  let broker: Broker;
  let topology: Topology;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    const installation = await fetch?.();
    broker = await startBroker({
      name: 'returns',
      management: true,
      config,
      ...(installation !== undefined && { installation }),
    });
    await prepare?.(broker);
    topology = await Topology.create(portsOf(broker));
    await topology.exchangeWithQueue();
    await topology.exchange('by-headers', 'headers');
    await topology.bind('by-headers', 'q', '', { 'x-match': 'all', take: 'yes' });
    gateway = await GatewayProcess.start({ broker: topology.broker });
  });
  afterAll(async () => {
    await gateway?.stop();
    await broker?.close();
  });

  const post = (exchange: string, key: string, fields: Record<string, string>): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/${exchange}/${key}`, {
      user: topology.user,
      body: String(new URLSearchParams({ body: 'x', ...fields })),
      headers: FORM,
    });

  const FIELDS: Record<string, string>[] = [
    {},
    { timestamp: '5', expire: '01000', delivery_mode: '2', priority: '0', message_id: 'm' },
    { headers: '{"timestamp_in_ms":7,"x-routed-by":"me","10":1,"1":[{"b":null,"a":true}],"__proto__":1}' },
    { headers: '{"CC":["nobody"],"BCC":["nobody"]}' },
    { headers: '{"BCC":["nobody"]}' },
  ];

  it.each(FIELDS)('is 404 where it is mandatory: %j', async (fields) => {
    const { status, problem } = await post('amq.default', 'nobody', { ...fields, mandatory: '1' });
    expect([status, problem.type, problem.published]).toEqual([404, 'urn:statelessd:unroutable', 'no']);
  });

  it.each(FIELDS)('is said to be unrouted where it is not: %j', async (fields) => {
    expect(said(await post('amq.default', 'nobody', fields))).toBe('204 unrouted');
  });

  it('is told of one by one in a batch', async () => {
    const message = (n: number) => ({
      exchange: n % 3 === 0 ? 'x' : 'amq.default',
      routing_key: 'nobody',
      body: n % 2 === 0 ? 'the same' : `another ${n}`,
      ...(n % 3 === 1 && { mandatory: true }),
    });
    const answer = await http(gateway.port, `/${topology.segment}`, {
      user: topology.user,
      headers: JSON_TYPE,
      body: JSON.stringify(range(300).map(message)),
    });
    const { results } = JSON.parse(answer.text);
    expect(results.map(({ status }: { readonly status: number }) => status)).toEqual(
      range(300).map((n) => (n % 3 === 1 ? 404 : 204)),
    );
  });

  it.each([{}, { expiration: '01000' }, { expiration: '+1000' }, { timestamp: 5, headers: { a: [1] } }])(
    'is not routed for the management API’s clients: %j',
    async (properties) => {
      const { status, text } = await http(gateway.port, `/api/exchanges/${topology.segment}/amq.default/publish`, {
        user: topology.user,
        headers: JSON_TYPE,
        body: JSON.stringify({ properties, routing_key: 'nobody', payload: 'hi', payload_encoding: 'string' }),
      });
      expect([status, JSON.parse(text)]).toEqual([200, { routed: false }]);
    },
  );

  it('is told apart from a routed one that differs in a header only', async () => {
    const wrong = await Promise.all(
      range(400).map(async (n) => {
        const take = n % 2 === 0 ? 'yes' : 'no';
        const fields = { headers: JSON.stringify({ take, n: n % 7 }), ...(n % 3 === 0 && { timestamp: '5' }) };
        const got = said(await post('by-headers', 'k', fields));
        return got === (take === 'yes' ? '204' : '204 unrouted') ? [] : [`${take}: ${got}`];
      }),
    );
    expect(wrong.flat()).toEqual([]);
  });
});

it('a return that comes after its 504 is not taken for that of a routed message with the same body', async () => {
  const topology = await Topology.create();
  const proxy = await TcpProxy.start(topology.broker.port);
  const gateway = await GatewayProcess.start({ broker: { ...topology.broker, port: proxy.port } });
  onTestFinished(async () => {
    await gateway.stop();
    await proxy.close();
    await topology.delete();
  });
  await topology.exchange('by-headers', 'headers');
  await topology.queue('q');
  await topology.bind('by-headers', 'q', '', { 'x-match': 'all', take: 'yes' });
  const post = (take: 'yes' | 'no', more: Record<string, string> = {}): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/by-headers/k`, {
      user: topology.user,
      body: String(new URLSearchParams({ body: 'the same', headers: JSON.stringify({ take }), mandatory: '1' })),
      headers: { ...FORM, ...more },
    });
  // The first is sent on a channel of its own, the second on the one that the others share.
  for (const take of ['yes', 'yes'] as const) expect((await post(take)).status).toBe(204);
  proxy.link = { delayMs: 500 };
  expect((await post('no', { prefer: 'wait=0' })).status).toBe(504);
  const [routed, returned] = await Promise.all([post('yes'), post('no')]);
  expect([routed.status, returned.status, returned.problem.published]).toEqual([204, 404, 'no']);
});

describe('what the broker returns though it keeps it', () => {
  let broker: Broker;
  let topology: Topology;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    broker = await startBroker({ name: 'kept', management: true, plugins: ['rabbitmq_recent_history_exchange'] });
    topology = await Topology.create(portsOf(broker));
    for (const name of ['history', 'kept.a']) await topology.exchange(name, 'x-recent-history');
    await topology.exchange('nowhere');
    await topology.queue('q');
    gateway = await GatewayProcess.start({
      broker: topology.broker,
      publishing: { ignore_returns_of: ['history', String.raw`/^kept\./`] },
    });
  });
  afterAll(async () => {
    await gateway?.stop();
    await broker?.close();
  });

  const call = (path: string, body: string, type: Record<string, string>): Promise<Answer> =>
    http(gateway.port, path, { user: topology.user, body, headers: type });
  /** A mandatory message, one that is not, and a mandatory one in a batch. */
  const answersOf = async (exchange: string, key: string, headers = {}): Promise<string[]> => {
    const path = `/${topology.segment}/${exchange}/${encodeURIComponent(key)}?headers=${encodeURIComponent(JSON.stringify(headers))}`;
    const message = { routing_key: key, body: 'x', headers, mandatory: true };
    const answers = [
      await call(`${path}&mandatory=1`, 'body=x', FORM),
      await call(path, 'body=x', FORM),
      await call(`/${topology.segment}/${exchange}`, JSON.stringify([message]), JSON_TYPE),
    ];
    return answers.map(said);
  };
  const SILENT = ['204', '204', '204'];
  const TOLD = ['404', '204 unrouted', '422'];

  it('is confirmed without a word where the operator names the exchange', async () => {
    expect(await answersOf('history', 'k')).toEqual(SILENT);
  });

  it('is confirmed without a word where a regular expression names the exchange', async () => {
    expect(await answersOf('kept.a', 'k')).toEqual(SILENT);
  });

  it('is confirmed without a word where the message is to be delayed', async () => {
    expect(await answersOf('nowhere', 'k', { 'x-delay': 5000 })).toEqual(SILENT);
  });

  it('is confirmed without a word where it is a direct reply, and arrives', async () => {
    const { username, password } = topology.user;
    const connection = await amqp.connect({
      hostname: '127.0.0.1',
      port: topology.broker.port,
      username,
      password,
      vhost: topology.segment,
    });
    try {
      const channel = await connection.createChannel();
      const replies: string[] = [];
      const arrived = new Promise<void>((resolve) => {
        void channel.consume(
          'amq.rabbitmq.reply-to',
          (message) => {
            replies.push(String(message?.content));
            if (replies.length === 4) resolve();
          },
          { noAck: true },
        );
      });
      channel.sendToQueue('q', Buffer.from('a question'), { replyTo: 'amq.rabbitmq.reply-to' });
      const question = await channel.get('q', { noAck: true });
      const replyTo = question === false ? '' : String(question.properties.replyTo);
      expect(await answersOf('amq.default', replyTo)).toEqual(SILENT);
      const copied = { mandatory: '1', body: 'x', headers: JSON.stringify({ CC: [replyTo] }) };
      expect(
        said(await call(`/${topology.segment}/amq.default/nobody`, String(new URLSearchParams(copied)), FORM)),
      ).toBe('204');
      await arrived;
    } finally {
      await connection.close();
    }
  });

  it('is told of for any other exchange', async () => {
    expect(await answersOf('nowhere', 'history')).toEqual(TOLD);
    expect(await answersOf('amq.default', 'kept.a')).toEqual(TOLD);
  });
});

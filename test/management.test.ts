import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, basic, http } from './support/http.ts';
import { portsOf, propertiesOf, Topology, type User } from './support/topology.ts';

const run = promisify(execFile);

const FINE = { properties: {}, routing_key: 'k', payload: 'hi', payload_encoding: 'string' };

/** RabbitMQ's own answer, and the gateway's, to the same request. */
describe('the management API’s publish call', () => {
  let broker: Broker;
  let topology: Topology;
  let gateway: GatewayProcess;
  let manager: User;
  let watcher: User;

  beforeAll(async () => {
    broker = await startBroker({ name: 'management', management: true });
    topology = await Topology.create(portsOf(broker));
    await topology.exchangeWithQueue();
    await topology.exchange('nowhere');
    await topology.queue('full', { 'x-max-length': 0, 'x-overflow': 'reject-publish' });
    manager = await topology.addUser({ username: 'manager', password: 'a:b' }, '.*', 'management');
    watcher = await topology.addUser({ username: 'watcher', password: 'p' }, '^$', 'management');
    gateway = await GatewayProcess.start({ broker: topology.broker });
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway?.stop();
    await broker?.close();
  });

  const url = (exchange = 'x', vhost = topology.segment): string => `/api/exchanges/${vhost}/${exchange}/publish`;

  interface Ask {
    readonly path?: string;
    readonly user?: User | null;
    readonly body: string | Uint8Array;
    readonly headers?: Record<string, string>;
  }

  const ask = ({ path = url(), user = manager, body, headers = {} }: Ask): Promise<Answer> =>
    http(gateway.port, path, {
      ...(user && { user }),
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });

  /** The same to RabbitMQ, whose answers are not held against our description of them. */
  async function askRabbitmq({ path = url(), user = manager, body, headers = {} }: Ask) {
    const answer = await fetch(`http://127.0.0.1:${topology.broker.managementPort}${path}`, {
      method: 'POST',
      body: Buffer.from(body),
      headers: { 'content-type': 'application/json', ...(user && { authorization: basic(user) }), ...headers },
    });
    return { status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers) };
  }

  /** What a client sees of an answer, and what came of the message. */
  async function seen({ status, text, headers }: Pick<Answer, 'status' | 'text' | 'headers'>): Promise<unknown> {
    const messages = await topology.drain();
    return {
      status,
      body: text === '' ? '' : JSON.parse(text),
      challenge: headers['www-authenticate'],
      messages: messages.map((message) => [
        message.fields.routingKey,
        message.content.toString('hex'),
        propertiesOf(message),
      ]),
    };
  }

  /** The plugin leaves a message without a delivery mode; the gateway has its default. */
  const withoutMode = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (key, each) => (key === 'deliveryMode' && each !== 2 ? undefined : each)));

  async function sameAnswer(request: Ask): Promise<void> {
    const own = await seen(await ask(request));
    const theirs = await seen(await askRabbitmq(request));
    expect(withoutMode(own)).toEqual(withoutMode(theirs));
  }

  const json = (changes: object): string => JSON.stringify({ ...FINE, ...changes });
  const PROPERTIES = [
    {},
    [],
    { unknown: 1 },
    { priority: 3 },
    { priority: '3' },
    { priority: 1.5 },
    { priority: null },
    { delivery_mode: 1 },
    { delivery_mode: 2 },
    { delivery_mode: 0 },
    { delivery_mode: 3 },
    { delivery_mode: '2' },
    { content_type: 'a/b', content_encoding: 'e', app_id: 'a', type: 't', message_id: 'm', correlation_id: 'c' },
    { content_type: 1 },
    { content_type: null },
    { content_type: true },
    { content_type: '' },
    { type: {} },
    { app_id: [] },
    { message_id: 1 },
    { reply_to: 'somewhere' },
    { reply_to: 'amq.rabbitmq.reply-to' },
    { expiration: '1000' },
    { expiration: '+1000' },
    { expiration: '01000' },
    { expiration: '4294967296' },
    { expiration: 1000 },
    { expiration: '' },
    { expiration: 'abc' },
    { expiration: '1x' },
    { expiration: '1.5' },
    { expiration: '-1' },
    { expiration: '99999999999999999999' },
    { timestamp: 1 },
    { timestamp: '1' },
    { timestamp: 1.5 },
    { timestamp: 'abc' },
    { user_id: 'manager' },
    { user_id: 'other' },
    { cluster_id: 'x' },
    { cluster_id: 1 },
    { 'content-type': 'x' },
    { mandatory: true },
    { headers: {} },
    { headers: [] },
    { headers: { a: 1, b: 'x', c: true, e: [1, 'a', true], f: { g: 1 }, h: 1.5, i: -7, j: 2 ** 40 } },
    { headers: { a: null } },
    { headers: { a: [null] } },
    { headers: { a: { b: null } } },
    { headers: { CC: ['k'] } },
    { headers: { CC: [] } },
    { headers: { CC: [1] } },
    { headers: { CC: 'a' } },
    { headers: { CC: 1 } },
    { headers: { CC: true } },
    { headers: { BCC: {} } },
    { headers: null },
    { headers: 'x' },
    { headers: 1 },
    null,
    1,
    'x',
    { priority: 'x', content_type: 1 },
    { headers: { a: null }, priority: 'x' },
  ];

  it.each(PROPERTIES.map((properties) => [JSON.stringify(properties), properties]))(
    'has the same answer to the properties %s',
    async (_, properties) => {
      await sameAnswer({ body: json({ properties }) });
    },
  );

  it.each([
    ['nothing', ''],
    ['broken JSON', '{'],
    ['a word', 'nul'],
    ['a space', '\n'],
    ['something after it', '{} x'],
    ['a text', '"x"'],
    ['a number', '1'],
    ['null', 'null'],
    ['true', 'true'],
    ['an array', '[]'],
    ['an array of objects', '[{}]'],
    ['an empty object', '{}'],
    ['one key', '{"payload":1}'],
    ['bytes that are not UTF-8', Uint8Array.from([0x7b, 0xff])],
    ...Object.keys(FINE).map((key) => [`no ${key}`, JSON.stringify({ ...FINE, [key]: undefined })] as const),
    ['more keys', json({ vhost: 'x', name: 'x', props: {}, mandatory: true })],
    ['a key twice', '{"properties":{},"routing_key":"a","routing_key":"b","payload":"hi","payload_encoding":"string"}'],
  ] as const)('has the same answer to a body that is %s', async (_, body) => {
    await sameAnswer({ body });
  });

  it.each([
    ['text', { payload: 'hä中😀\n\u0000' }],
    ['empty', { payload: '' }],
    ['a number', { payload: 1 }],
    ['null', { payload: null }],
    ['an object', { payload: {} }],
    ['an array', { payload: [] }],
    ['base64', { payload: 'AAH/', payload_encoding: 'base64' }],
    ['base64 with spaces', { payload: ' AA\nH/ ', payload_encoding: 'base64' }],
    ['empty base64', { payload: '', payload_encoding: 'base64' }],
    ['bad base64', { payload: '!!!', payload_encoding: 'base64' }],
    ['base64 without padding', { payload: 'aGk', payload_encoding: 'base64' }],
    ['base64 of another alphabet', { payload: '-_-_', payload_encoding: 'base64' }],
    ['padding in the middle', { payload: 'aG=k', payload_encoding: 'base64' }],
    ['a number as base64', { payload: 1, payload_encoding: 'base64' }],
    ['of an unknown encoding', { payload_encoding: 'auto' }],
    ['of no encoding', { payload_encoding: null }],
    ['bad base64 and a bad property', { payload: '!', payload_encoding: 'base64', properties: { priority: 'x' } }],
  ])('has the same answer to a payload that is %s', async (_, changes) => {
    await sameAnswer({ body: json(changes) });
  });

  it.each([
    ['empty', ''],
    ['long', '中'.repeat(85)],
    ['a number', 1],
    ['null', null],
    ['an object', {}],
  ])('has the same answer to a routing key that is %s', async (_, routing_key) => {
    await sameAnswer({ body: json({ routing_key }) });
  });

  it.each([
    ['an exchange without queues', () => ({ path: url('nowhere') })],
    ['an exchange that there is not', () => ({ path: url('missing') })],
    ['a vhost that there is not', () => ({ path: url('x', 'missing') })],
    ['a vhost that is not the user’s', () => ({ path: url('x', 'test') })],
    ['the default exchange', () => ({ path: url('amq.default'), body: json({ routing_key: 'q' }) })],
    ['the default exchange without its name', () => ({ path: url(''), body: json({ routing_key: 'q' }) })],
    ['the default exchange, and no queue', () => ({ path: url('amq.default'), body: json({ routing_key: 'none' }) })],
    ['an internal exchange', () => ({ path: url('amq.rabbitmq.trace') })],
    ['a full queue', () => ({ path: url('amq.default'), body: json({ routing_key: 'full' }) })],
    ['a slash too many', () => ({ path: `${url()}/` })],
    ['a query', () => ({ path: `${url()}?x=1` })],
    ['a wrong password', () => ({ user: { username: 'manager', password: 'wrong' } })],
    ['an unknown user', () => ({ user: { username: 'stranger', password: 'p' } })],
    ['no login', () => ({ user: null })],
    ['a user who may not write', () => ({ user: watcher })],
    ['a form’s Content-Type', () => ({ headers: { 'content-type': 'application/x-www-form-urlencoded' } })],
    ['no Content-Type that it knows', () => ({ headers: { 'content-type': 'text/plain' } })],
    ['a compressed body', () => ({ body: gzipSync(json({})), headers: { 'content-encoding': 'gzip' } })],
    ['a Content-Encoding that is not true', () => ({ headers: { 'content-encoding': 'gzip' } })],
    ['broken JSON and a wrong password', () => ({ body: '{', user: { username: 'manager', password: 'no' } })],
  ] as const)('has the same answer to %s', async (_, changes: () => Partial<Ask>) => {
    await sameAnswer({ body: json({}), ...changes() });
  });

  it('needs no management tag, and has the configured delivery mode', async () => {
    const { status, text } = await ask({ user: topology.user, body: json({}) });
    expect([status, JSON.parse(text)]).toEqual([200, { routed: true }]);
    expect(propertiesOf(await topology.only())).toEqual({ deliveryMode: 1 });
  });

  it('says in a header what became of the message', async () => {
    const { headers } = await ask({ path: url('missing'), body: json({}) });
    expect(headers['statelessd-error']).toBe('exchange-not-found; published=no');
  });

  it.each([
    ['a priority that AMQP has not', { priority: 300 }, 'priority: expected an integer from 0 to 255'],
    ['a string that is too long for AMQP', { type: 'x'.repeat(256) }, 'type: expected at most 255 bytes of UTF-8'],
    ['a time before the epoch', { timestamp: -1 }, 'timestamp: expected seconds since the epoch'],
  ])('refuses what the plugin changes on its way: %s', async (_, properties, reason) => {
    const { status, text } = await ask({ body: json({ properties }) });
    expect([status, JSON.parse(text)]).toEqual([400, { error: 'bad_request', reason }]);
    expect(await topology.drain()).toEqual([]);
  });

  it.each([
    ['long', 'k'.repeat(256)],
    ['long in bytes', `${'k'.repeat(254)}中`],
    ['no Unicode', '\ud800'],
  ])('refuses a routing key that AMQP would cut or change: %s', async (_, routing_key) => {
    const { status, text } = await ask({ body: json({ routing_key }) });
    const reason = 'routing_key: expected at most 255 bytes of UTF-8';
    expect([status, JSON.parse(text)]).toEqual([400, { error: 'bad_request', reason }]);
    expect(await topology.drain()).toEqual([]);
  });

  it.each([
    [400, { host: 'a b' }],
    [417, { expect: 'magic' }],
    [501, { 'transfer-encoding': 'gzip, chunked' }],
  ])('says %i of what is wrong with HTTP itself as everywhere, and as it is described', async (status, headers) => {
    const call = { user: manager, headers, chunked: 'transfer-encoding' in headers, body: json({}) };
    const answer = await http(gateway.port, url(), call);
    expect([answer.status, answer.problem.status]).toEqual([status, status]);
  });

  it('publishes what rabbitmqadmin is told to', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-test-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const script = join(directory, 'rabbitmqadmin');
    const served = await fetch(`http://127.0.0.1:${topology.broker.managementPort}/cli/rabbitmqadmin`);
    await writeFile(script, await served.text());
    const login = ['-H', '127.0.0.1', '-P', String(gateway.port), '-u', manager.username, '-p', manager.password];
    const admin = (...command: string[]) =>
      run('/usr/bin/python3', [script, ...login, '-V', topology.vhost, 'publish', ...command]);
    const properties = 'properties={"content_type":"text/plain"}';
    expect((await admin('exchange=x', 'routing_key=k', 'payload=from the command line', properties)).stdout).toBe(
      'Message published\n',
    );
    const message = await topology.only();
    expect([message.content.toString(), message.properties.contentType]).toEqual([
      'from the command line',
      'text/plain',
    ]);
    expect((await admin('exchange=nowhere', 'routing_key=k', 'payload=x')).stdout).toBe(
      'Message published but NOT routed\n',
    );
    await expect(admin('exchange=missing', 'routing_key=k', 'payload=x')).rejects.toThrow(/no exchange 'missing'/);
  });

  it('says of a message that is not confirmed in time what RabbitMQ says since 4.3.3', async () => {
    expect((await ask({ body: json({}) })).status).toBe(200);
    broker.suspend();
    try {
      const { status, text, headers } = await ask({ body: json({}) });
      expect([status, headers['statelessd-error']]).toEqual([400, 'confirm-timeout; published=unknown']);
      expect(JSON.parse(text)).toEqual({
        error: 'bad_request',
        reason: expect.stringMatching(
          /^confirm_timeout Timed out waiting for a publisher confirm\. The message may still/,
        ),
      });
    } finally {
      broker.resume();
    }
  });

  it('obeys alarms', async () => {
    await broker.ctl(['set_vm_memory_high_watermark', '0.00001']);
    try {
      const refused = async () => {
        const { status, headers } = await ask({ body: json({}) });
        return [status, headers['statelessd-error'], headers['retry-after']];
      };
      await expect.poll(refused, { timeout: 20_000 }).toEqual([503, 'broker-blocked; published=no', '5']);
    } finally {
      await broker.ctl(['set_vm_memory_high_watermark', '0.4']);
    }
  });
});

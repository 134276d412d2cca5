import { deflateSync, gzipSync } from 'node:zlib';
import type { GetMessage } from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { doors, type OpenDoor } from './support/doors.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { type Answer, type Call, http } from './support/http.ts';
import { propertiesOf, Topology } from './support/topology.ts';

const LINES = { 'content-type': 'application/x-ndjson' };
const ARRAY = { 'content-type': 'application/json' };

interface Result {
  readonly index: number;
  readonly status: number;
  readonly type?: string;
  readonly published: string;
}

/** What a batch that was not published whole says of each message. */
const resultsOf = (answer: Answer): Result[] => JSON.parse(answer.text).results;

describe.each(doors)('a batch, $name,', ({ open }) => {
  let topology: Topology;
  let gateway: OpenDoor;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await open();
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway.close();
    await topology.delete();
  });

  const send = (path: string, body: string | Uint8Array, call: Call = {}): Promise<Answer> =>
    gateway.call(path, { user: topology.user, body, ...call, headers: { ...ARRAY, ...call.headers } });
  const toExchange = (messages: readonly unknown[], call: Call = {}): Promise<Answer> =>
    send(`/${topology.segment}/x`, JSON.stringify(messages), call);
  const bodies = async (): Promise<string[]> => (await topology.drain()).map(({ content }) => content.toString());
  const errorsOf = ({ problem }: Answer) => problem.errors;
  const only = async (): Promise<GetMessage> => topology.only();

  it('publishes all of its messages, in order', async () => {
    const messages = Array.from({ length: 2_500 }, (_, n) => ({ routing_key: 'k', body: `message ${n}` }));
    expect((await toExchange(messages)).status).toBe(204);
    expect(await bodies()).toEqual(messages.map(({ body }) => body));
  });

  it('may be lines of JSON, of which empty ones are none', async () => {
    const lines = `\n{"body":"one"}\r\n\n  {"body":"two","routing_key":"k"}\n{"body":"three"}`;
    expect((await send(`/${topology.segment}/x`, lines, { headers: LINES })).status).toBe(204);
    expect(await bodies()).toEqual(['one', 'two', 'three']);
  });

  it('may have each message name its exchange', async () => {
    const messages = [
      { exchange: 'x', routing_key: 'k', body: 'to the exchange' },
      { exchange: '', routing_key: 'q', body: 'to the queue' },
      { exchange: 'amq.default', routing_key: 'q', body: 'to the queue, too' },
    ];
    for (const path of [`/${topology.segment}`, `/${topology.segment}/`]) {
      expect((await send(path, JSON.stringify(messages))).status).toBe(204);
      expect((await bodies()).toSorted()).toEqual(messages.map(({ body }) => body).toSorted());
    }
  });

  it('may have each message name the exchange of the path again', async () => {
    expect((await toExchange([{ exchange: 'x', body: 'same' }])).status).toBe(204);
    const refused = await toExchange([{ exchange: 'other', body: 'other' }]);
    expect([refused.status, errorsOf(refused)]).toEqual([
      400,
      [{ index: 0, field: 'exchange', message: 'expected the exchange that the path names, or none' }],
    ]);
    expect(await bodies()).toEqual(['same']);
  });

  it('is empty where nothing is to be published', async () => {
    for (const [body, headers] of [
      ['[]', ARRAY],
      [' [ ] ', ARRAY],
      ['', LINES],
      ['\n \n', LINES],
    ] as const)
      expect((await send(`/${topology.segment}/x`, body, { headers })).status).toBe(204);
    expect(await bodies()).toEqual([]);
  });

  it('has bodies that are text or base64, byte by byte', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const long = new Uint8Array(200_000).map((_, at) => at % 251);
    const text = `${'ä中😀\u0000'.repeat(20_000)}\n`;
    const messages = [
      { body_base64: Buffer.from(bytes).toString('base64') },
      { body_base64: Buffer.from(long).toString('base64') },
      { body_base64: '' },
      { body: text },
      { body: '' },
    ];
    expect((await toExchange(messages)).status).toBe(204);
    const contents = (await topology.drain()).map(({ content }) => content);
    // Those over 64 KiB go alone at first, and so later than others.
    const byLength = contents.toSorted((a, b) => a.length - b.length);
    expect(byLength.map((content) => content.length)).toEqual([0, 0, 256, 200_000, Buffer.byteLength(text)]);
    expect(byLength[2]?.equals(bytes) && byLength[3]?.equals(long) && byLength[4]?.equals(Buffer.from(text))).toBe(
      true,
    );
  });

  it('has properties by name and with JSON’s types', async () => {
    const stated = {
      app_id: 'a',
      content_type: 'text/plain',
      delivery_mode: 2,
      expire: 60_000,
      headers: { n: 1, list: ['x', { deep: null }], __proto__name: true },
      priority: 3,
      timestamp: '2024-01-01T00:00:00Z',
      type: null,
      message_id: '',
      unknown: 'ignored',
    };
    expect((await toExchange([{ body: 'b', ...stated }])).status).toBe(204);
    expect(propertiesOf(await only())).toEqual({
      appId: 'a',
      contentType: 'text/plain',
      deliveryMode: 2,
      expiration: '60000',
      headers: { n: 1, list: ['x', { deep: null }], __proto__name: true },
      priority: 3,
      timestamp: 1_704_067_200,
    });
  });

  it('gives each message the trace of the request, and none its idempotency key', async () => {
    const headers = { traceparent: '00-trace-01', 'idempotency-key': 'one' };
    const messages = [{ body: 'a' }, { body: 'b', headers: { traceparent: 'own' } }];
    expect((await toExchange(messages, { headers })).status).toBe(204);
    expect((await topology.drain()).map(propertiesOf)).toEqual([
      { deliveryMode: 1, headers: { traceparent: '00-trace-01' } },
      { deliveryMode: 1, headers: { traceparent: 'own' } },
    ]);
  });

  it('is judged whole: all that is wrong is listed, and nothing is published', async () => {
    const messages = [
      { body: 'fine' },
      { body: 'x', priority: 256, delivery_mode: '2' },
      'no object',
      { routing_key: 'k' },
      { body: 'x', body_base64: 'eA==' },
      { body_base64: 'eA' },
      { body: 1 },
      { body: 'x', routing_key: 'a\nb' },
      { body: 'x', routing_key: 'k'.repeat(256) },
      { body: 'x', exchange: 7 },
      { body: '\ud800' },
      { body: 'x', mandatory: 'true' },
    ];
    const refused = await toExchange(messages);
    expect([refused.status, refused.problem.type, refused.problem.published]).toEqual([
      400,
      'urn:statelessd:invalid-batch',
      'no',
    ]);
    expect(errorsOf(refused)).toEqual([
      { index: 1, field: 'priority', message: 'expected an integer from 0 to 255' },
      { index: 1, field: 'delivery_mode', message: 'expected 1 (transient) or 2 (persistent)' },
      { index: 2, field: 'message', message: 'expected a JSON object' },
      { index: 3, field: 'body', message: 'is required (it may be empty), or body_base64' },
      { index: 4, field: 'body', message: 'expected either body or body_base64, found both' },
      { index: 5, field: 'body_base64', message: 'expected base64 (RFC 4648), padded' },
      { index: 6, field: 'body', message: 'expected a string' },
      { index: 7, field: 'routing_key', message: 'control characters are not allowed' },
      { index: 8, field: 'routing_key', message: 'expected at most 255 bytes of UTF-8' },
      { index: 9, field: 'exchange', message: 'expected a string' },
      { index: 10, field: 'body', message: 'expected well-formed Unicode, found a lone surrogate' },
      { index: 11, field: 'mandatory', message: 'expected true or false' },
    ]);
    expect(await bodies()).toEqual([]);
  });

  it.each([
    [
      'a line',
      LINES,
      '{"body":"fine"}\n{"body":\n',
      [{ index: 1, field: 'message', message: 'expected JSON, found something broken' }],
    ],
    [
      'an element',
      ARRAY,
      '[{"body":"fine"},{"body"}]',
      [{ index: 1, field: 'message', message: 'expected JSON, found something broken' }],
    ],
    ['bytes', LINES, Uint8Array.from([0x22, 0xff, 0x22]), [{ index: 0, field: 'message', message: 'expected UTF-8' }]],
  ])('says which message has broken JSON: %s', async (_, headers, body, errors) => {
    const refused = await send(`/${topology.segment}/x`, body, { headers });
    expect([refused.status, errorsOf(refused)]).toEqual([400, errors]);
    expect(await bodies()).toEqual([]);
  });

  it.each([
    ['an array that does not end', '[{"body":"x"}', 'the JSON array does not end'],
    ['a string that does not end', '[{"body":"x}]', 'the JSON array does not end'],
    ['something after the array', '[{"body":"x"}] x', 'expected nothing after the JSON array'],
  ])('says what is wrong with the whole: %s', async (_, body, detail) => {
    const refused = await send(`/${topology.segment}/x`, body);
    expect([refused.status, refused.problem.type, refused.problem.detail]).toEqual([
      400,
      'urn:statelessd:malformed-request',
      detail,
    ]);
    expect(await bodies()).toEqual([]);
  });

  it('finds elements whatever brackets, quotes and backslashes their strings hold', async () => {
    const texts = ['],[', '"', '\\', '\\"', '{"a":[', '\\\\"]', ','];
    expect((await toExchange(texts.map((body) => ({ body, headers: { [body]: [body] } })))).status).toBe(204);
    expect(await bodies()).toEqual(texts);
  });

  it.each([
    ['another Content-Type', { 'content-type': 'text/plain' }, '[]', /^expected Content-Type application\/x-ndjson/],
    ['no Content-Type', { 'content-type': '' }, '[]', /^expected Content-Type application\/x-ndjson/],
    ['no array', ARRAY, '{"body":"x"}', /^expected a JSON array/],
    ['nothing', ARRAY, '', /^expected a JSON array/],
  ])(
    'is not what has %s: the answer tells where one message goes, and who decodes slashes',
    async (_, headers, body, detail) => {
      const { status, problem } = await send(`/${topology.segment}/x`, body, { headers });
      expect([status, problem.type]).toEqual([400, 'urn:statelessd:malformed-request']);
      expect(problem.detail).toMatch(detail);
      expect(problem.detail).toMatch(/<routing key>.*%2f.*proxy.*nginx.*proxy_pass/);
      expect(await bodies()).toEqual([]);
    },
  );

  it.each(['text/plain', ''])('is not what has the Content-Type %j, which the answer names', async (type) => {
    const refused = await send(`/${topology.segment}/x`, '[]', { headers: { 'content-type': type } });
    expect(errorsOf(refused)?.map(({ field }) => field)).toEqual(['Content-Type']);
  });

  it.each(['application/json, application/json', 'application/json charset=utf-8', 'application/x-ndjson;x="', 'json'])(
    'has one media type, and not %s',
    async (type) => {
      const refused = await send(`/${topology.segment}/x`, '[{"body":"x"}]', { headers: { 'content-type': type } });
      expect([refused.status, errorsOf(refused)?.map(({ field }) => field)]).toEqual([400, ['Content-Type']]);
      expect(refused.problem.detail).toContain(JSON.stringify(type).slice(1, -1));
      expect(await bodies()).toEqual([]);
    },
  );

  it.each([
    ['gzip', gzipSync, ARRAY],
    ['x-gzip', gzipSync, ARRAY],
    ['deflate', deflateSync, ARRAY],
    ['gzip', gzipSync, LINES],
  ])('may be compressed: %s', async (coding, compress, headers) => {
    const messages = Array.from({ length: 2_000 }, (_, n) =>
      JSON.stringify({ routing_key: 'k', body: `message ${n}` }),
    );
    const text = headers === ARRAY ? `[${messages}]` : messages.join('\n');
    const encoded = { ...headers, 'content-encoding': coding };
    expect((await send(`/${topology.segment}/x`, compress(text), { headers: encoded })).status).toBe(204);
    expect(await bodies()).toHaveLength(messages.length);
  });

  it('is not compressed in another way', async () => {
    const refused = await toExchange([], { headers: { 'content-encoding': 'br' } });
    expect([refused.status, refused.headers['accept-encoding']]).toEqual([415, 'gzip, deflate']);
  });

  it('needs credentials, and those of RabbitMQ', async () => {
    const user = { username: topology.user.username, password: 'wrong' };
    expect((await send(`/${topology.segment}/x`, '[]', { user })).status).toBe(401);
    const anonymous = await gateway.call(`/${topology.segment}/x`, { body: '[]', headers: ARRAY });
    expect(anonymous.status).toBe(401);
  });

  it('harms no message by another that is refused', async () => {
    await topology.exchange('nowhere');
    const messages = Array.from({ length: 300 }, (_, n) => ({
      exchange: n % 100 === 50 ? 'missing' : 'x',
      routing_key: 'k',
      body: String(n),
      ...(n === 7 && { exchange: 'nowhere', mandatory: true }),
      ...(n === 8 && { user_id: 'somebody' }),
    }));
    const answer = await send(`/${topology.segment}`, JSON.stringify(messages));
    const { status, problem, headers } = answer;
    expect([status, problem.type, problem.published, headers['retry-after']]).toEqual([
      422,
      'urn:statelessd:batch-incomplete',
      'partial',
      undefined,
    ]);
    expect(headers['statelessd-error']).toBe('batch-incomplete; published=partial');
    const results = resultsOf(answer);
    expect(results.map(({ index }) => index)).toEqual(messages.map((_, n) => n));
    const failed = results.filter(({ published }) => published !== 'yes');
    expect(failed.map(({ index, status: each, type, published }) => [index, each, type, published])).toEqual([
      [7, 404, 'urn:statelessd:unroutable', 'no'],
      [8, 403, 'urn:statelessd:publish-refused', 'no'],
      [50, 404, 'urn:statelessd:exchange-not-found', 'no'],
      [150, 404, 'urn:statelessd:exchange-not-found', 'no'],
      [250, 404, 'urn:statelessd:exchange-not-found', 'no'],
    ]);
    const expected = results.filter(({ published }) => published === 'yes').map(({ index }) => String(index));
    expect((await bodies()).toSorted()).toEqual(expected.toSorted());
  });

  it('counts the messages that no queue took', async () => {
    await topology.exchange('nowhere');
    const messages = [
      { exchange: 'nowhere', body: 'a' },
      { exchange: 'x', body: 'b' },
      { exchange: 'nowhere', body: 'c' },
    ];
    const answer = await send(`/${topology.segment}`, JSON.stringify(messages));
    expect([answer.status, answer.headers['statelessd-unrouted']]).toEqual([204, '2']);
    expect(await bodies()).toEqual(['b']);
  });

  it('can be delivered after the answer', async () => {
    const answer = await toExchange([{ body: 'later' }], { headers: { prefer: 'respond-async' } });
    expect([answer.status, answer.headers['preference-applied']]).toEqual([202, 'respond-async']);
    await expect.poll(bodies).toEqual(['later']);
  });
});

describe('a batch', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());

  async function start(
    publishing: Record<string, unknown>,
    httpServer: Record<string, unknown> = {},
  ): Promise<GatewayProcess> {
    const gateway = await gatewayForTest({ publishing, http: httpServer });
    return gateway;
  }
  const send = (gateway: GatewayProcess, messages: readonly object[], headers = {}): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x`, {
      user: topology.user,
      body: JSON.stringify(messages),
      headers: { ...ARRAY, ...headers },
    });

  it('has max_batch messages at most', async () => {
    const gateway = await start({ max_batch: 3 });
    expect((await send(gateway, Array(3).fill({ body: 'x' }))).status).toBe(204);
    const refused = await send(gateway, Array(4).fill({ body: 'x' }));
    expect([refused.status, refused.problem.type, refused.problem.detail]).toEqual([
      413,
      'urn:statelessd:body-too-large',
      'expected at most 3 messages',
    ]);
    expect(await topology.drain()).toHaveLength(3);
  });

  it('is published whole even where few messages may be in flight or held', async () => {
    const gateway = await start({ max_in_flight: 4, max_held_messages: 10, publish_timeout: 30 });
    const messages = Array.from({ length: 1_000 }, (_, n) => ({ body: String(n) }));
    expect((await send(gateway, messages)).status).toBe(204);
    expect((await topology.drain()).map(({ content }) => String(content))).toEqual(messages.map(({ body }) => body));
  });

  it('says 503 where some of it may be tried again, and 504 where something is unknown', async () => {
    await topology.queue('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    const gateway = await start({});
    const messages = Array.from({ length: 5 }, () => ({ exchange: '', routing_key: 'full', body: 'x' }));
    const answer = await http(gateway.port, `/${topology.segment}`, {
      user: topology.user,
      body: JSON.stringify(messages),
      headers: ARRAY,
    });
    expect([answer.status, answer.problem.type]).toEqual([504, 'urn:statelessd:batch-incomplete']);
    const nacked = resultsOf(answer).filter(({ published }) => published === 'unknown');
    expect(new Set(nacked.map(({ status }) => status))).toEqual(new Set([503]));
    expect(await topology.drain('full')).toHaveLength(messages.length - nacked.length);
  });

  it('leaves a line for each message that was not published', async () => {
    const gateway = await start({});
    await http(gateway.port, `/${topology.segment}`, {
      user: topology.user,
      body: JSON.stringify([
        { exchange: 'x', body: 'a' },
        { exchange: 'missing', routing_key: 'lost', body: 'b' },
      ]),
      headers: { ...ARRAY, 'x-request-id': 'batch' },
    });
    await gateway.says('"outcome":"batch-incomplete');
    const lines = gateway.stderr.split('\n').filter((line) => line.includes('a message of a batch'));
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({
        request_id: 'batch',
        index: 1,
        vhost: topology.vhost,
        user: topology.user.username,
        exchange: 'missing',
        routing_key: 'lost',
        outcome: 'exchange-not-found; published=no',
      }),
    ]);
  });
});

import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { doors, type OpenDoor } from './support/doors.ts';
import { FORM } from './support/http.ts';
import { Topology } from './support/topology.ts';

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const percent = (bytes: Uint8Array): string => [...bytes].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('');
const multipart = (boundary: string, body: Uint8Array, more = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="body"\r\n\r\n`),
    body,
    Buffer.from(`\r\n${more}--${boundary}--\r\n`),
  ]);

const BODIES: readonly (readonly [string, Uint8Array])[] = [
  ['all 256 byte values', ALL_BYTES],
  ['an empty body', new Uint8Array()],
  ['0xFF 0xFE 0x00', Uint8Array.of(0xff, 0xfe, 0)],
  ['a UTF-8 BOM', Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)],
  ['line breaks at the end', Buffer.from('a\r\n\r\n')],
  ['10 MB of random bytes', randomBytes(10_000_000)],
];

describe.each(doors)('publishing, $name', ({ open }) => {
  let topology: Topology;
  let gateway: OpenDoor;
  let path: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await open({ http: { max_body_size: '32MiB' } });
    path = `/${topology.segment}/x/key`;
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway.close();
    await topology.delete();
  });

  const post = (target: string, body: string | Uint8Array, headers: Record<string, string> = FORM) =>
    gateway.call(target, { user: topology.user, body, headers });

  describe('carries the body unchanged', () => {
    it.each(BODIES)('raw: %s', async (_, body) => {
      const answer = await post(path, body, { 'content-type': 'application/octet-stream' });
      expect(answer.status).toBe(204);
      expect((await topology.only()).content.equals(body)).toBe(true);
    });

    it.each(BODIES)('urlencoded: %s', async (_, body) => {
      const encoded = body.length > 1_000_000 ? percent(body.subarray(0, 1_000_000)) : percent(body);
      const answer = await post(path, `body=${encoded}`);
      expect(answer.status).toBe(204);
      expect((await topology.only()).content.equals(body.subarray(0, 1_000_000))).toBe(true);
    });

    it.each(BODIES)('multipart: %s', async (_, body) => {
      const boundary = randomUUID();
      const type = { 'content-type': `multipart/form-data; boundary=${boundary}` };
      expect((await post(path, multipart(boundary, body), type)).status).toBe(204);
      expect((await topology.only()).content.equals(body)).toBe(true);
    });
  });

  it('adds nothing that the client did not ask for', async () => {
    await post(path, 'body=x');
    const { properties } = await topology.only();
    const set = Object.entries(properties).filter(([, value]) => value !== undefined);
    expect(Object.fromEntries(set)).toEqual({ deliveryMode: 1 });
  });

  it('gives a raw body the content type and encoding of the request', async () => {
    await post(path, 'x', { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    const { properties } = await topology.only();
    expect(properties.contentType).toBe('application/json');
    expect(properties.contentEncoding).toBe('gzip');
  });

  it('takes properties from the query, and prefers those of the form', async () => {
    await post(`${path}?type=query&app_id=query`, 'body=x&type=form');
    const { properties } = await topology.only();
    expect([properties.type, properties.appId]).toEqual(['form', 'query']);
  });

  it('turns every property into its AMQP type', async () => {
    const form = new URLSearchParams({
      body: 'x',
      app_id: 'app',
      'content-encoding': 'identity',
      'content-type': 'text/plain; charset=utf-8',
      correlation_id: 'ünï',
      delivery_mode: '2',
      expire: '60000',
      message_id: 'm',
      priority: '7',
      reply_to: 'r',
      timestamp: '1362457811',
      type: 't',
      user_id: topology.user.username,
      headers: '{"s":"x","i":-3,"big":9007199254740991,"d":1.5,"b":true,"n":null,"a":[1,"2"],"t":{"k":"v"},"x-y":1}',
    });
    expect((await post(path, String(form))).status).toBe(204);
    const { properties } = await topology.only();
    expect(properties).toMatchObject({
      appId: 'app',
      contentEncoding: 'identity',
      contentType: 'text/plain; charset=utf-8',
      correlationId: 'ünï',
      deliveryMode: 2,
      expiration: '60000',
      messageId: 'm',
      priority: 7,
      replyTo: 'r',
      timestamp: 1362457811,
      type: 't',
      userId: topology.user.username,
      headers: { s: 'x', i: -3, big: 9007199254740991, d: 1.5, b: true, n: null, a: [1, '2'], t: { k: 'v' }, 'x-y': 1 },
    });
  });

  it('takes an RFC 3339 timestamp as the same moment in seconds', async () => {
    await post(path, 'body=x&timestamp=2013-03-05T04%3A30%3A11.7Z');
    expect((await topology.only()).properties.timestamp).toBe(1362457811);
  });

  const INVALID: readonly (readonly [string, string])[] = [
    ['app_id', `app_id=${'a'.repeat(256)}`],
    ['content-type', 'content-type=%ff'],
    ['correlation_id', `correlation_id=${'%c3%a9'.repeat(128)}`],
    ['delivery_mode', 'delivery_mode=3'],
    ['priority', 'priority=256'],
    ['priority', 'priority=-1'],
    ['priority', 'priority=1.5'],
    ['expire', 'expire=-1'],
    ['expiration', 'expiration=4294967296'],
    ['timestamp', 'timestamp=yesterday'],
    ['timestamp', 'timestamp=9007199254740992'],
    ['headers', 'headers=[]'],
    ['headers', 'headers={"a":1e400}'],
    ['headers', 'headers={"a":9007199254740993}'],
    ['headers', 'headers={"":1}'],
    ['headers', 'headers={"CC":"k"}'],
    ['headers', `headers={"a":"${'x'.repeat(70_000)}"}`],
    ['headers', `headers=${'{"a":'.repeat(17)}1${'}'.repeat(17)}`],
    ['mandatory', 'mandatory=perhaps'],
    ['reply_to', 'reply_to=amq.rabbitmq.reply-to'],
  ];

  it.each(INVALID)('refuses an invalid %s and publishes nothing (%#)', async (field, invalid) => {
    const answer = await post(path, `body=x&${invalid.replace(/[{}":[\]]/g, encodeURIComponent)}`);
    expect(answer.status).toBe(400);
    expect(answer.problem.type).toBe('urn:statelessd:invalid-property');
    expect(answer.problem.published).toBe('no');
    expect(answer.problem.errors?.map((error) => error.field.split('[')[0])).toEqual([field]);
    expect(await topology.drain()).toEqual([]);
  });

  it('lists everything that is wrong at once', async () => {
    const answer = await post(path, 'priority=x&delivery_mode=9&timestamp=z');
    const fields = answer.problem.errors?.map(({ field }) => field) ?? [];
    expect(fields.toSorted()).toEqual(['body', 'delivery_mode', 'priority', 'timestamp']);
  });

  it('refuses a broken form as malformed', async () => {
    for (const body of ['body=%zz', `body=${'+'.repeat(2_000_000)}%4`]) {
      const { problem } = await post(path, body);
      expect([problem.type, problem.errors?.[0]?.field]).toEqual(['urn:statelessd:malformed-request', 'body']);
    }
    const unfinished = { 'content-type': 'multipart/form-data; boundary=b' };
    expect((await post(path, '--b\r\n', unfinished)).problem.type).toBe('urn:statelessd:malformed-request');
  });

  it('refuses more than 256 fields', async () => {
    expect((await post(path, `body=x${'&a='.repeat(255)}`)).status).toBe(204);
    expect((await post(path, `body=x${'&a='.repeat(256)}`)).status).toBe(400);
  });

  describe('addresses', () => {
    it('tells the vhosts %2f and %252f apart', async () => {
      const slash = await topology.sibling(`${topology.vhost}/`);
      const escaped = await topology.sibling(`${topology.vhost}%2f`);
      for (const vhost of [slash, escaped]) await vhost.exchangeWithQueue();
      expect((await post(`/${topology.segment}%2f/x/k`, 'body=slash')).status).toBe(204);
      expect((await post(`/${topology.segment}%252f/x/k`, 'body=escaped')).status).toBe(204);
      expect((await slash.only()).content.toString()).toBe('slash');
      expect((await escaped.only()).content.toString()).toBe('escaped');
      await slash.delete();
      await escaped.delete();
    });

    it('never reaches another vhost through dots', async () => {
      const other = await topology.sibling(`${topology.vhost}-other`);
      await other.exchangeWithQueue();
      for (const target of [`${path}/../../../${other.segment}/x/k`, `/${topology.segment}/../${other.segment}/x`])
        expect((await post(target, 'body=x')).status).toBeGreaterThanOrEqual(400);
      expect(await other.drain()).toEqual([]);
      await other.delete();
    });

    it.each([
      ['..', '..'],
      ['.', '.'],
      ['%2e%2e', '..'],
      ['a%2fb', 'a/b'],
      ['a+b', 'a+b'],
      ['%c3%a4%20%252f', 'ä %2f'],
      ['', ''],
    ])('takes the routing key %s as it is', async (segment, routingKey) => {
      expect((await post(`/${topology.segment}/x/${segment}`, 'body=x')).status).toBe(204);
      expect((await topology.only()).fields.routingKey).toBe(routingKey);
    });

    it('publishes to the default exchange as amq.default', async () => {
      expect((await post(`/${topology.segment}/amq.default/q`, 'body=x')).status).toBe(204);
      expect((await topology.only()).fields).toMatchObject({ exchange: '', routingKey: 'q' });
    });

    it.each([
      ['a broken escape', '/v/x/%zz'],
      ['half an escape', '/v/x/a%2'],
      ['invalid UTF-8', '/%ff/x/k'],
      ['an overlong encoding', '/v/%c0%af/k'],
      ['a control character', '/v/x/a%0ab'],
      ['a NUL', '/v/x/%00'],
      ['over 255 bytes', `/v/x/${'a'.repeat(256)}`],
      ['an empty vhost', '//x/k'],
      ['an empty exchange', '/v//k'],
    ])('refuses %s', async (_, target) => {
      const answer = await post(target, 'body=x');
      expect([answer.status, answer.problem.type]).toEqual([400, 'urn:statelessd:malformed-request']);
    });
  });

  describe('credentials', () => {
    it('asks for them', async () => {
      const answer = await gateway.call(path, { body: 'body=x', headers: FORM });
      expect([answer.status, answer.problem.published]).toEqual([401, 'no']);
      expect(answer.headers['www-authenticate']).toBe('Basic realm="statelessd", charset="UTF-8"');
      expect(answer.headers['statelessd-error']).toBe('unauthenticated; published=no');
    });

    it('does not publish on the connection of the same user when the password differs', async () => {
      expect((await post(path, 'body=right')).status).toBe(204);
      const user = { ...topology.user, password: 'wrong' };
      const answer = await gateway.call(path, { user, body: 'body=wrong', headers: FORM });
      expect([answer.status, answer.problem.type]).toEqual([401, 'urn:statelessd:unauthenticated']);
      expect((await topology.only()).content.toString()).toBe('right');
    });

    it.each(['with:colons:', 'with space ', 'Ümläut€', '"quotes" & %41'])(
      'passes the password %s on',
      async (password) => {
        const user = await topology.addUser({ username: `user-${randomUUID()}`, password });
        expect((await gateway.call(path, { user, body: 'body=x', headers: FORM })).status).toBe(204);
      },
    );

    it('leaves an empty password to the broker', async () => {
      const user = { ...topology.user, password: '' };
      expect((await gateway.call(path, { user, body: 'body=x', headers: FORM })).status).toBe(401);
    });

    it.each([
      ['another scheme', 'Bearer abc'],
      ['broken base64', 'Basic $$$'],
      ['no colon', `Basic ${Buffer.from('user').toString('base64')}`],
      ['a NUL', `Basic ${Buffer.from('u\0:p').toString('base64')}`],
      ['invalid UTF-8', `Basic ${Buffer.from([0x75, 0x3a, 0xff]).toString('base64')}`],
    ])('refuses %s with 401', async (_, authorization) => {
      expect((await gateway.call(path, { headers: { ...FORM, authorization }, body: 'body=x' })).status).toBe(401);
    });
  });

  describe('refusals of the broker', () => {
    it('answers 404 for an exchange that is missing', async () => {
      const answer = await post(`/${topology.segment}/missing/k`, 'body=x');
      expect(answer.status).toBe(404);
      expect(answer.problem).toMatchObject({ type: 'urn:statelessd:exchange-not-found', published: 'no' });
      expect(answer.problem.detail).toContain("no exchange 'missing' in vhost");
      expect(answer.headers['statelessd-error']).toBe('exchange-not-found; published=no');
    });

    it('answers 403 for an exchange that the user may not write to', async () => {
      const user = await topology.addUser({ username: `user-${randomUUID()}`, password: 'p' }, '^other$');
      const answer = await gateway.call(path, { user, body: 'body=x', headers: FORM });
      expect(answer.status).toBe(403);
      expect(answer.problem).toMatchObject({ type: 'urn:statelessd:publish-refused', published: 'no' });
    });

    it('answers 403 for an internal exchange', async () => {
      await topology.exchange('internal', 'topic', { internal: true });
      expect((await post(`/${topology.segment}/internal/k`, 'body=x')).status).toBe(403);
    });

    it('answers 403 for a user_id that is not the login, and 204 for an impersonator', async () => {
      expect((await post(path, 'body=x&user_id=somebody')).status).toBe(403);
      const name = `user-${randomUUID()}`;
      const user = await topology.addUser({ username: name, password: 'p' }, '.*', 'impersonator');
      const answer = await gateway.call(path, { user, body: 'body=x&user_id=somebody', headers: FORM });
      expect(answer.status).toBe(204);
    });

    it('answers 403 for a vhost that the user may not use', async () => {
      const other = await Topology.create();
      const answer = await post(`/${other.segment}/x/k`, 'body=x');
      expect(answer.status).toBe(403);
      expect(answer.problem).toMatchObject({ type: 'urn:statelessd:vhost-refused', published: 'no' });
      await other.delete();
    });

    it('answers 404 for a vhost that is missing', async () => {
      const answer = await post('/missing-vhost/x/k', 'body=x');
      expect(answer.status).toBe(404);
      expect(answer.problem).toMatchObject({ type: 'urn:statelessd:vhost-not-found', published: 'no' });
    });

    it('none of them disturbs a neighbour on the same connection', async () => {
      const poison = [
        () => post(`/${topology.segment}/missing/k`, 'body=x'),
        () => post(path, 'body=x&user_id=somebody'),
        () => post(`/${topology.segment}/amq.rabbitmq.trace/k`, 'body=x'),
      ];
      const innocent = (id: number) => post(path, `body=${id}`);
      const answers = await Promise.all(
        Array.from({ length: 600 }, async (_, id) => {
          const guilty = id % 20 === 0 ? poison[(id / 20) % poison.length] : undefined;
          return { guilty: guilty !== undefined, status: (await (guilty ?? (() => innocent(id)))()).status };
        }),
      );
      expect(answers.filter(({ guilty, status }) => !guilty && status !== 204)).toEqual([]);
      expect(answers.filter(({ guilty, status }) => guilty && status !== 403 && status !== 404)).toEqual([]);
      const ids = new Set((await topology.drain()).map(({ content }) => content.toString()));
      expect(ids.size).toBe(570);
    });
  });

  describe('unroutable messages', () => {
    beforeAll(() => topology.exchange('nowhere'));
    const nowhere = () => `/${topology.segment}/nowhere/k`;

    it('are confirmed, and said to be unrouted', async () => {
      const answer = await post(nowhere(), 'body=x');
      expect([answer.status, answer.headers['statelessd-unrouted']]).toEqual([204, '1']);
    });

    it('are refused where the message is mandatory', async () => {
      const answer = await post(nowhere(), 'body=x&mandatory=1');
      expect([answer.status, answer.problem.type, answer.problem.published]).toEqual([
        404,
        'urn:statelessd:unroutable',
        'no',
      ]);
    });

    it('are refused where the message is mandatory and has a BCC', async () => {
      const headers = encodeURIComponent('{"BCC":["nobody"],"a":1}');
      expect((await post(nowhere(), `body=x&mandatory=1&headers=${headers}`)).status).toBe(404);
    });

    it('are nobody to be told of where the message says so', async () => {
      const answer = await post(nowhere(), 'body=x&mandatory=false');
      expect([answer.status, answer.headers['statelessd-unrouted']]).toEqual([204, undefined]);
    });

    it('are answered each as it asks, where the same message is sent in all ways at once', async () => {
      const expected = { 'mandatory=1': '404', 'mandatory=0': '204', '': '204 unrouted' };
      const ways = Object.entries(expected);
      const wrong = await Promise.all(
        Array.from({ length: 300 }, async (_, n) => {
          const [way, wanted] = ways[n % ways.length] ?? [];
          const answer = await post(nowhere(), `body=the+same&${way}`);
          const got = `${answer.status}${answer.headers['statelessd-unrouted'] ? ' unrouted' : ''}`;
          return got === wanted ? [] : [`${way}: ${got}`];
        }),
      );
      expect(wrong.flat()).toEqual([]);
    });

    it('are told apart from routed ones beside them', async () => {
      await topology.bind('nowhere', 'q', 'somewhere');
      const answers = await Promise.all(
        Array.from({ length: 400 }, async (_, id) => {
          const routed = id % 2 === 0;
          const answer = await post(`/${topology.segment}/nowhere/${routed ? 'somewhere' : 'k'}`, `body=${id}`);
          return (answer.headers['statelessd-unrouted'] === undefined) === routed;
        }),
      );
      expect(answers).not.toContain(false);
    });
  });

  it('answers 503 without a guess where a full queue rejects the message', async () => {
    await topology.exchange('full');
    await topology.queue('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await topology.bind('full', 'full', '#');
    await post(`/${topology.segment}/full/k`, 'body=first');
    const answer = await post(`/${topology.segment}/full/k`, 'body=second');
    expect([answer.status, answer.problem.type, answer.problem.published]).toEqual([
      503,
      'urn:statelessd:message-rejected',
      'unknown',
    ]);
  });

  describe('request headers', () => {
    it('Idempotency-Key becomes the message_id', async () => {
      await post(path, 'body=x', { ...FORM, 'idempotency-key': '"abc"' });
      expect((await topology.only()).properties.messageId).toBe('abc');
    });

    it('traceparent and tracestate become AMQP headers, unless the message names them', async () => {
      await post(`${path}?headers=%7B%22tracestate%22%3A%22own%22%7D`, 'body=x', {
        ...FORM,
        traceparent: '00-1-2-01',
        tracestate: 'a=b',
      });
      expect((await topology.only()).properties.headers).toMatchObject({ traceparent: '00-1-2-01', tracestate: 'own' });
    });

    it('X-Request-Id stands in the answer and in every problem', async () => {
      const ok = await post(path, 'body=x', { ...FORM, 'x-request-id': 'abc.1_2-3' });
      expect(ok.headers['x-request-id']).toBe('abc.1_2-3');
      const refused = await post(path, 'x', { ...FORM, 'x-request-id': 'abc' });
      expect([refused.headers['x-request-id'], refused.problem.request_id]).toEqual(['abc', 'abc']);
      const replaced = await post(path, 'body=x', { ...FORM, 'x-request-id': 'a b' });
      expect(replaced.headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
    });

    it('Prefer: respond-async is answered 202, and the message arrives', async () => {
      const answer = await post(path, 'body=x', { ...FORM, prefer: 'respond-async' });
      expect(answer.status).toBe(202);
      await expect.poll(() => topology.drain()).toHaveLength(1);
    });

    it('an Origin of another site is refused with 403', async () => {
      const headers = { ...FORM, host: 'gateway', origin: 'https://evil.example' };
      expect((await post(path, 'body=x', headers)).problem.type).toBe('urn:statelessd:cross-site');
      expect((await post(path, 'body=x', { ...FORM, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
      expect(await topology.drain()).toEqual([]);
    });
  });

  it('answers 405 with what is allowed, and 404 for a path that means nothing', async () => {
    const put = await gateway.call(path, { method: 'PUT', user: topology.user, body: 'body=x', headers: FORM });
    expect([put.status, put.headers.allow]).toEqual([405, 'POST']);
    expect((await post('/a/b/c/d', 'body=x')).problem.type).toBe('urn:statelessd:no-such-path');
  });

  it('counts what it did in /stats', async () => {
    await post(path, 'body=x');
    const answer = await gateway.call('/stats', { method: 'GET' });
    const stats = JSON.parse(answer.text);
    const entry = stats.connections[`${topology.vhost}:${topology.user.username}`];
    expect(entry).toMatchObject({ connected: true, queue_size: 0, in_flight: 0 });
    expect(entry.publishes).toBeGreaterThan(0);
  });
});

import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { doors, type OpenDoor } from './support/doors.ts';
import { type Answer, FORM } from './support/http.ts';
import { Topology } from './support/topology.ts';

type Headers = Record<string, string | string[]>;

const URLENCODED = FORM['content-type'];
const MAX_BODY_SIZE = 100_000;

const multipart = (name: string, value: string): string =>
  `--B\r\nContent-Disposition: form-data; name="body"\r\n\r\nhi\r\n` +
  `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n--B--\r\n`;
const MULTIPART = { 'content-type': 'multipart/form-data; boundary=B' };

describe.each(doors)('what a request brings, $name:', ({ open }) => {
  let topology: Topology;
  let gateway: OpenDoor;
  let path: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await open({ http: { max_body_size: String(MAX_BODY_SIZE) }, publishing: { max_held_bytes: '400000' } });
    path = `/${topology.segment}/x/key`;
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway.close();
    await topology.delete();
  });

  const post = (body: string | Uint8Array, headers: Headers = {}, query = ''): Promise<Answer> =>
    gateway.call(path + query, { user: topology.user, body, headers });
  const published = async (): Promise<string[]> => (await topology.drain()).map(({ content }) => content.toString());
  const fieldsOf = ({ problem }: Answer) => problem.errors?.map(({ field }) => field);

  /** Nothing was published, and the answer names the field and the text. */
  const expectRefused = async (answer: Answer, field: string, text: string): Promise<void> => {
    expect([answer.status, answer.problem.published, fieldsOf(answer)]).toEqual([400, 'no', [field]]);
    expect(answer.problem.detail).toContain(text);
    expect(await published()).toEqual([]);
  };

  describe('a Content-Type that is not one media type is refused, and named:', () => {
    it.each<[string, string | string[]]>([
      ['a form, twice', [URLENCODED, URLENCODED]],
      ['a form, and something else', ['text/plain', URLENCODED]],
      ['a form without its semicolon', `${URLENCODED} charset=utf-8`],
      ['a comma for a semicolon', 'multipart/form-data, boundary=B'],
      ['quotes that do not end', 'multipart/form-data; boundary="B'],
      ['text after the quotes', 'text/plain; charset="utf-8"x'],
      ['a parameter without a value', 'text/plain; charset'],
      ['a form in quotes', `"${URLENCODED}"`],
      ['no slash', 'x-www-form-urlencoded'],
      ['two slashes', 'application/json/form'],
      ['a comma at the end', `${URLENCODED},`],
    ])('%s', async (_, type) => {
      const sent = [type].flat().join(', ');
      await expectRefused(
        await post('body=hi', { 'content-type': type }),
        'Content-Type',
        JSON.stringify(sent).slice(1, -1),
      );
    });

    it('before its body is read', async () => {
      const headers = { 'content-type': 'plain', 'content-length': String(MAX_BODY_SIZE) };
      const answer = await post('x'.repeat(MAX_BODY_SIZE), headers);
      expect([answer.status, answer.headers.connection ?? 'close']).toEqual([400, 'close']);
    });
  });

  it.each([
    'text/plain;',
    'text/plain; ;charset=utf-8 ;',
    'Text/PLAIN;Charset="a, b; \\"c\\""',
    'application/soap+xml; action=http://a.example/b',
    'multipart/related; type="text/xml"; boundary="a,b"',
    'application/vnd.x+json;v=1',
    '*/*',
  ])('the Content-Type %j is one, and stays as it is', async (type) => {
    expect((await post('body=hi', { 'content-type': type })).status).toBe(204);
    const message = await topology.only();
    expect([message.content.toString(), message.properties.contentType]).toEqual(['body=hi', type]);
  });

  it('UTF-8 may stand within the quotes of a Content-Type, and nowhere else in it', async () => {
    const bytes = Buffer.from('ä').toString('latin1');
    // Node's client encodes headers in the way of a body that is a string.
    const body = Buffer.from('x');
    expect((await post(body, { 'content-type': `text/plain; title="${bytes}"` })).status).toBe(204);
    expect((await topology.only()).properties.contentType).toBe('text/plain; title="ä"');
    expect((await post(body, { 'content-type': `text/plain; title=${bytes}` })).status).toBe(400);
    expect((await post(body, { 'content-type': 'text/plain; title="\xff"' })).status).toBe(400);
  });

  it('an empty Content-Type says nothing', async () => {
    expect((await post('body=hi', { 'content-type': '' })).status).toBe(204);
    const message = await topology.only();
    expect([message.content.toString(), message.properties.contentType]).toEqual(['body=hi', undefined]);
  });

  describe('a request without a body', () => {
    it('has it in the query string, byte by byte', async () => {
      expect((await post('', {}, '?body=%00%ff+a%2Bb&type=t')).status).toBe(204);
      const { content, properties } = await topology.only();
      expect([content.toString('latin1'), properties.type]).toEqual(['\0\xff a+b', 't']);
    });

    it('may have the Content-Type of its message', async () => {
      await post('', { 'content-type': 'application/json' }, '?body=1&body=2');
      const { content, properties } = await topology.only();
      expect([content.toString(), properties.contentType]).toEqual(['2', 'application/json']);
    });

    it('is an empty message without one there', async () => {
      expect((await post('', {}, '?type=t')).status).toBe(204);
      expect(await published()).toEqual(['']);
    });

    it('is no form that lacks its body', async () => {
      await expectRefused(await post('', FORM, '?body=hi'), 'body', URLENCODED);
    });
  });

  it('a body wins over the query string', async () => {
    await post('raw', {}, '?body=query');
    await post('body=form', FORM, '?body=query');
    expect(await published()).toEqual(['raw', 'form']);
  });

  describe('a string that a library calls a form:', () => {
    it.each<[string, string | Uint8Array]>([
      ['JSON', '{"a":1}'],
      ['JSON with percent signs', '{"discount":"100%"}'],
      ['JSON with an equals sign', '{"url":"http://a/?b=100%"}'],
      ['text', 'hello world'],
      ['a picture', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff, 0x25])],
      ['bytes in what would be a name', Uint8Array.from([0xff, 0xfe, 0x3d, 0x25])],
      ['a long text', `${'x'.repeat(20_000)}%`],
    ])('%s: the answer tells how a raw body is sent', async (_, body) => {
      const answer = await post(body, FORM);
      expect([answer.status, answer.problem.published]).toEqual([400, 'no']);
      expect(answer.problem.detail).toContain(URLENCODED);
      expect(answer.problem.detail).toMatch(/application\/json.*application\/octet-stream.*--data-binary/);
      for (const { field, message } of answer.problem.errors ?? []) {
        expect(field).toMatch(/^[\x20-\x7e]{1,300}$/);
        expect(message).not.toBe('');
      }
      expect(fieldsOf(answer)).toHaveLength(1);
      expect(await published()).toEqual([]);
    });

    it('a form of other fields', async () => {
      const answer = await post('type=x&priority=high', FORM);
      expect(fieldsOf(answer)).toEqual(['body', 'priority']);
      expect(answer.problem.detail).toContain(URLENCODED);
    });

    it('a multipart form of other parts', async () => {
      const answer = await post('--B\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--B--\r\n', MULTIPART);
      await expectRefused(answer, 'body', MULTIPART['content-type']);
    });
  });

  describe('a name of ours in disguise is refused:', () => {
    it.each([
      ['=?utf-8?B?aGVhZGVyc1t0XQ==?='],
      ['=?utf-8?Q?priority?='],
      ['headers%5Bt%5D'],
      ['delivery%5Fmode'],
      [' priority'],
      ['headers.t'],
      ['priority[]'],
    ])('%s', async (name) => {
      const answer = await post(multipart(name, '1'), MULTIPART);
      expect([answer.status, fieldsOf(answer)]).toEqual([400, [name]]);
      const twice = await post(`body=x&${encodeURIComponent(name)}=1`, FORM);
      expect([twice.status, fieldsOf(twice)]).toEqual([400, [name]]);
      expect(await published()).toEqual([]);
    });

    it('but not what is another name', async () => {
      for (const name of ['Priority', 'body_text', 'typing[]', '_charset_', '%2f', '=?', 'x=?utf-8?B?YQ==?='])
        expect((await post(multipart(name, '1'), MULTIPART)).status).toBe(204);
    });
  });

  it('of a repeated header the last one counts, and with [] all of them', async () => {
    await post('body=x&headers[tags]=new&headers[tags]=paid&headers[all][]=new&headers[all][]=paid', FORM);
    expect((await topology.only()).properties.headers).toEqual({ tags: 'paid', all: ['new', 'paid'] });
  });

  it('space around a number, a date or a word is no part of it', async () => {
    const form = 'body= x &delivery_mode=2+&priority=+3%0d%0a&expire=%0960000&mandatory=+1&timestamp=+5+&type=+t+';
    expect((await post(form, FORM)).status).toBe(204);
    const { content, properties } = await topology.only();
    expect(content.toString()).toBe(' x ');
    expect(properties).toMatchObject({ deliveryMode: 2, priority: 3, expiration: '60000', timestamp: 5, type: ' t ' });
  });

  describe('a form under a Content-Encoding', () => {
    const coded = (body: Uint8Array, coding: string, more: Headers = FORM): Promise<Answer> =>
      post(body, { ...more, 'content-encoding': coding });

    it.each([
      ['gzip', gzipSync],
      ['x-gzip', gzipSync],
      ['GZIP', gzipSync],
      ['identity, gzip', gzipSync],
      ['deflate', deflateSync],
      ['deflate', deflateRawSync],
    ])('%s is decoded (%#)', async (coding, compress) => {
      expect((await coded(compress('body=%00%ff&type=t'), coding)).status).toBe(204);
      const message = await topology.only();
      expect([message.content.toString('latin1'), message.properties.type]).toEqual(['\0\xff', 't']);
      expect(message.properties.contentEncoding).toBeUndefined();
    });

    it('may be multipart', async () => {
      expect((await coded(gzipSync(multipart('type', 't')), 'gzip', MULTIPART)).status).toBe(204);
      expect(await published()).toEqual(['hi']);
    });

    it.each(['br', 'zstd', 'compress', 'gzip, gzip', 'gzip, br', 'x'])('%s is refused with 415', async (coding) => {
      const answer = await coded(gzipSync('body=x'), coding);
      expect([answer.status, answer.problem.type]).toEqual([415, 'urn:statelessd:unsupported-encoding']);
      expect(answer.headers['accept-encoding']).toBe('gzip, deflate');
    });

    it.each<[string, string, Uint8Array]>([
      ['gzip', 'no gzip at all', Buffer.from('body=x')],
      ['gzip', 'gzip cut short', gzipSync('body=x').subarray(0, -3)],
      [
        'gzip',
        'gzip with a wrong checksum',
        Buffer.from(gzipSync('body=x').map((byte, at) => (at === 17 ? byte ^ 1 : byte))),
      ],
      ['gzip', 'nothing', new Uint8Array()],
      ['deflate', 'deflate cut short', deflateSync('body=x').subarray(0, -3)],
      ['deflate', 'no deflate at all', Buffer.from('body=x')],
    ])('%s is refused with 400 where it is %s', async (coding, _, body) => {
      const answer = await coded(body, coding);
      expect([answer.status, answer.problem.type]).toEqual([400, 'urn:statelessd:malformed-request']);
      expect(answer.problem.detail).toContain(coding);
      expect(answer.problem.errors?.map(({ field }) => field)).toEqual(['Content-Encoding']);
      expect(await published()).toEqual([]);
    });

    it('is as large as what it becomes', async () => {
      const largest = `body=${'x'.repeat(MAX_BODY_SIZE - 5)}`;
      expect((await coded(gzipSync(largest), 'gzip')).status).toBe(204);
      const bombs = [gzipSync(`${largest}x`), gzipSync(Buffer.alloc(50_000_000))];
      for (const bomb of bombs) {
        expect(bomb.length).toBeLessThan(MAX_BODY_SIZE);
        const answer = await coded(bomb, 'gzip');
        expect([answer.status, answer.problem.type]).toEqual([413, 'urn:statelessd:body-too-large']);
      }
      const { held } = JSON.parse((await gateway.call('/stats', { method: 'GET' })).text);
      expect(held.bytes).toBe(0);
      expect(await published()).toHaveLength(1);
    });
  });

  it('a raw body under a Content-Encoding is passed on as it came', async () => {
    const body = gzipSync('hi');
    for (const coding of ['gzip', 'br', 'gzip, aws-chunked']) {
      await post(body, { 'content-type': 'text/plain', 'content-encoding': coding });
      const message = await topology.only();
      expect(message.content.equals(body)).toBe(true);
      expect(message.properties.contentEncoding).toBe(coding);
    }
  });

  describe('a CloudEvent in binary mode', () => {
    const EVENT = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': 'com.example.order',
      'CE-Source': '/orders%20%e2%82%ac/100%25',
      'ce-id': 'a-1',
      'ce-quoted': '"a \\"b\\" %22c%22"',
    };

    it('has its attributes as headers, and its id as message_id', async () => {
      expect((await post('{}', EVENT)).status).toBe(204);
      const { content, properties } = await topology.only();
      expect([content.toString(), properties.messageId, properties.contentType]).toEqual([
        '{}',
        'a-1',
        'application/json',
      ]);
      expect(properties.headers).toEqual({
        cloudEvents_specversion: '1.0',
        cloudEvents_type: 'com.example.order',
        cloudEvents_source: '/orders €/100%',
        cloudEvents_id: 'a-1',
        cloudEvents_quoted: 'a "b" "c"',
      });
    });

    it('keeps what the message says itself', async () => {
      const query = '?headers[cloudEvents_type]=mine&headers[x]=1';
      await post('{}', { ...EVENT, 'idempotency-key': 'key' }, query);
      const { properties } = await topology.only();
      expect(properties.messageId).toBe('key');
      expect(properties.headers).toMatchObject({ cloudEvents_type: 'mine', x: '1', cloudEvents_id: 'a-1' });
      await post('{}', { ...EVENT, 'idempotency-key': 'key' }, '?message_id=m');
      expect((await topology.only()).properties.messageId).toBe('m');
    });

    it.each([
      ['ce-subject', '100%'],
      ['ce-subject', '%ff'],
      ['ce-id', 'x'.repeat(256)],
      [`ce-${'a'.repeat(250)}`, 'x'],
    ])('is refused for a broken attribute: %.20s', async (name, value) => {
      const answer = await post('{}', { ...EVENT, [name]: value });
      expect([answer.status, fieldsOf(answer)]).toEqual([400, [name]]);
      expect(await published()).toEqual([]);
    });

    it('is no form, and no other header', async () => {
      await post('body=hi', { ...FORM, 'ce-id': 'a' });
      await post('hi', { 'ce-': 'a', cex: 'a', 'x-ce-id': 'a', ce: 'a', 'ce-subject': '' });
      const messages = await topology.drain();
      expect(messages.map(({ properties }) => [properties.headers, properties.messageId])).toEqual([
        [undefined, undefined],
        [undefined, undefined],
      ]);
    });
  });

  describe('x-death is what a broker makes:', () => {
    const DEATHS = [{ count: 2, reason: 'expired', queue: 'q', exchange: 'x', 'routing-keys': ['k'] }];

    it('of JSON, and of a form, whose digits become a count', async () => {
      await post(`body=x&headers=${encodeURIComponent(JSON.stringify({ 'x-death': DEATHS }))}`, FORM);
      const form =
        'headers[x-death][0][count]=2&headers[x-death][0][reason]=expired&headers[x-death][0][queue]=q' +
        '&headers[x-death][0][exchange]=x&headers[x-death][0][routing-keys][]=k';
      await post(`body=x&${form}`, FORM);
      const [ofJson, ofForm] = await topology.drain();
      expect(ofJson?.properties.headers).toEqual({ 'x-death': DEATHS });
      expect(ofForm?.properties.headers).toEqual({ 'x-death': DEATHS });
    });

    const BAD = [
      'a',
      1,
      { count: 1 },
      ['a'],
      [1],
      [[{ count: 1 }]],
      [{ count: '1' }],
      [{ count: 1.5 }],
      [{ count: true }],
      [{ count: null }],
      [{ count: [1] }],
      [{ count: { n: 1 } }],
      [{ count: 1 }, { count: 'x' }],
      [{ count: 1, 'routing-keys': 'k' }],
    ];

    it.each(BAD.map((deaths) => [deaths]))('in JSON it is not %j', async (deaths) => {
      const json = JSON.stringify({ 'x-death': deaths });
      const answer = await post(`body=x&headers=${encodeURIComponent(json)}`, FORM);
      expect([answer.status, fieldsOf(answer)]).toEqual([400, ['headers']]);
      const batch = await gateway.call(`/${topology.segment}/x`, {
        user: topology.user,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ routing_key: 'k', body: 'x', headers: { 'x-death': deaths } }]),
      });
      expect([batch.status, fieldsOf(batch)]).toEqual([400, ['headers']]);
      const managed = await gateway.call(`/api/exchanges/${topology.segment}/x/publish`, {
        user: topology.user,
        body: JSON.stringify({
          routing_key: 'k',
          payload: 'x',
          payload_encoding: 'string',
          properties: { headers: { 'x-death': deaths } },
        }),
      });
      expect([managed.status, JSON.parse(managed.text)]).toEqual([
        400,
        // The plugin takes no null at all.
        { error: 'bad_request', reason: expect.stringMatching(/x-death|null_not_allowed/) },
      ]);
      expect(await published()).toEqual([]);
    });

    it.each(['headers[x-death]', 'headers[x-death][]', 'headers[x-death][0][count]', 'headers[x-death][count]'])(
      'in a form it is not %s=x',
      async (field) => {
        const answer = await post(`body=x&${field}=x`, FORM);
        expect([answer.status, fieldsOf(answer)]).toEqual([400, [field]]);
        expect(await published()).toEqual([]);
      },
    );

    it('and the queue that dead-letters it goes on', async () => {
      await topology.exchange('dlx', 'fanout');
      await topology.queue('dead');
      await topology.bind('dlx', 'dead', '');
      await topology.queue('expires', { 'x-message-ttl': 1, 'x-dead-letter-exchange': 'dlx' });
      await topology.bind('x', 'expires', 'expires');
      const target = `/${topology.segment}/x/expires`;
      const form =
        'body=x&headers[x-death][0][count]=1&headers[x-death][0][reason]=expired&headers[x-death][0][queue]=expires' +
        '&headers[x-death][1][queue]=other';
      expect((await gateway.call(target, { user: topology.user, body: form, headers: FORM })).status).toBe(204);
      await expect.poll(() => topology.drain('dead')).toHaveLength(1);
      expect((await gateway.call(target, { user: topology.user, body: 'body=y', headers: FORM })).status).toBe(204);
    });
  });

  describe('a path in which a proxy has decoded %2f', () => {
    it.each([
      ['//x/k', 400],
      ['///x/k', 400],
      ['/v/x/a/b', 404],
      ['/x/k', 400],
      ['/x/', 400],
    ])('is told so: POST %s', async (target, status) => {
      const answer = await gateway.call(target, { user: topology.user, body: 'body=x', headers: FORM });
      expect(answer.status).toBe(status);
      expect(answer.text).toMatch(/%2f.*proxy.*nginx.*proxy_pass/);
    });
  });

  it('/favicon.ico is the icon, and a vhost of that name keeps its posts', async () => {
    const icon = await gateway.call('/favicon.ico', { method: 'GET' });
    expect([icon.status, icon.headers['content-type']]).toEqual([200, 'image/svg+xml']);
    expect(icon.text).toContain('<svg');
    const batch = { user: topology.user, body: '[]', headers: { 'content-type': 'application/json' } };
    expect((await gateway.call('/favicon.ico', batch)).problem.type).toBe('urn:statelessd:vhost-not-found');
    const put = await gateway.call('/favicon.ico', { method: 'PUT' });
    expect([put.status, put.headers.allow]).toEqual([405, 'GET, POST, HEAD']);
  });
});

import { describe, expect, it } from 'vitest';
import type { Field } from '../../../src/handler/message/fields.ts';
import {
  type PropertiesResult,
  type PropertySources,
  toProperties,
  toPropertiesOfJson,
} from '../../../src/handler/message/properties.ts';

const defaults = { deliveryMode: 1, unroutable: 'report' } as const;
const encoder = new TextEncoder();

/** Fields from `name=value` strings. */
const fields = (...texts: string[]): Field[] =>
  texts.map((text) => {
    const at = text.indexOf('=');
    return { name: text.slice(0, at), value: encoder.encode(text.slice(at + 1)) };
  });

const judge = (sources: Partial<PropertySources>): PropertiesResult =>
  toProperties({ query: [], form: [], ...sources }, defaults);

const judgeForm = (...texts: string[]): PropertiesResult => judge({ form: fields(...texts) });

const propertiesOf = (result: PropertiesResult): unknown => (result.ok ? result.properties : result.errors);

const errorsOf = (result: PropertiesResult): unknown =>
  result.ok ? [] : result.errors.map(({ field, message }) => `${field}: ${message}`);

const short = 'x'.repeat(255);
const shortStrings = [
  ['app_id', 'appId'],
  ['content_encoding', 'contentEncoding'],
  ['content_type', 'contentType'],
  ['correlation_id', 'correlationId'],
  ['message_id', 'messageId'],
  ['reply_to', 'replyTo'],
  ['type', 'type'],
  ['user_id', 'userId'],
] as const;

describe('Properties of a form', () => {
  it.each(shortStrings)('%s is a string of at most 255 bytes', (name, property) => {
    for (const value of ['x', short, ` é\0\r\n\ufeff`, '0', 'null']) {
      expect(propertiesOf(judgeForm(`${name}=${value}`))).toEqual({ deliveryMode: 1, [property]: value });
    }
    for (const value of [`${short}x`, 'é'.repeat(128)]) {
      expect(errorsOf(judgeForm(`${name}=${value}`))).toEqual([`${name}: expected at most 255 bytes of UTF-8`]);
    }
  });

  it.each<[string, object]>([
    ['delivery_mode=1', { deliveryMode: 1 }],
    ['delivery_mode=2', { deliveryMode: 2 }],
    ['priority=0', { priority: 0 }],
    ['priority=255', { priority: 255 }],
    ['priority=007', { priority: 7 }],
    ['expire=0', { expiration: '0' }],
    ['expiration=4294967295', { expiration: '4294967295' }],
    ['expire=0060000', { expiration: '60000' }],
    ['timestamp=0', { timestamp: 0 }],
    ['timestamp=1362457811', { timestamp: 1_362_457_811 }],
    ['timestamp=9007199254740991', { timestamp: 9_007_199_254_740_991 }],
    ['timestamp=2013-03-05T04:30:11Z', { timestamp: 1_362_457_811 }],
    ['headers={"a":1}', { headers: new Map([['a', 1]]) }],
    ['headers={}', { headers: new Map() }],
    ['headers= {"__proto__":[]}\n', { headers: new Map([['__proto__', []]]) }],
    ['headers[x-y]=1', { headers: new Map([['x-y', '1']]) }],
    ['headers[CC][]=q', { headers: new Map([['CC', ['q']]]) }],
    ['reply_to=amq.rabbitmq.reply-to.x', { replyTo: 'amq.rabbitmq.reply-to.x' }],
    ['content-type=text/plain', { contentType: 'text/plain' }],
    ['app-id=x', { appId: 'x' }],
    ['delivery-mode=2', { deliveryMode: 2 }],
    ['delivery_mode= 2', { deliveryMode: 2 }],
    ['priority=\t1\r\n', { priority: 1 }],
    ['expire= 60000 ', { expiration: '60000' }],
    ['timestamp= 2013-03-05T04:30:11Z ', { timestamp: 1_362_457_811 }],
    ['priority= ', {}],
    ['type= x ', { type: ' x ' }],
    ['type= ', { type: ' ' }],
    ['headers[a]= x ', { headers: new Map([['a', ' x ']]) }],
    ['type_of=x', {}],
    ['bodyguard=x', {}],
    ['typ[]=x', {}],
    ['__proto__=x', {}],
    ['Priority=high', {}],
    ['body=x', {}],
    ['exchange=x', {}],
    ['immediate=true', {}],
  ])('%s is understood', (field, properties) => {
    expect(propertiesOf(judgeForm(field))).toEqual({ deliveryMode: 1, ...properties });
  });

  it.each([
    [
      'delivery_mode',
      ['0', '3', '2.0', '02', '\xa02', '2 1', 'persistent'],
      /^expected 1 \(transient\) or 2 \(persistent\)$/,
    ],
    [
      'priority',
      ['256', '-1', '+1', '1.0', '1e2', '1 1', '\u20091', '0x1', 'high', '0001', '१'],
      /^expected an integer from 0 to 255$/,
    ],
    ['expire', ['4294967296', '-1', '1.5', 'abc', '99999999999'], /^expected an integer from 0 to 4294967295$/],
    ['expiration', ['x'], /^expected an integer from 0 to 4294967295$/],
    [
      'timestamp',
      ['-1', '1.5', '9007199254740992', '9007199254740993', '99999999999999999', 'now'],
      /seconds .* RFC 3339/,
    ],
    ['timestamp', ['1969-12-31T23:59:59Z', '2013-02-30T00:00:00Z', '2013-01-01T00:00:00 01:00'], /seconds .* RFC 3339/],
    ['mandatory', ['yes', 'True', '2', 'on'], /^expected true, 1, false or 0$/],
    ['reply_to', ['amq.rabbitmq.reply-to'], /no reply could come back/],
    [
      'headers',
      ['x', '{', '{"a":1,}', "{'a':1}", '{"a":NaN}', '\ufeff{}', '{} x'],
      /^expected a JSON object, found broken JSON$/,
    ],
    ['headers', ['[]', '1', 'null', '"x"'], /^expected a JSON object$/],
    ['headers', ['{"a":1e400}'], /^a: expected a finite number/],
    ['headers', ['{"CC":"x"}', '{"CC":[1]}'], /^CC: expected an array of strings$/],
    ['headers', ['[[['.repeat(100_000)], /JSON/],
    ['headers[]', ['x'], /^expected a name/],
    ['headers[CC]', ['x'], /^expected an array of strings$/],
    ['headers[BCC][0][0]', ['x'], /^expected an array of strings$/],
  ])('%s must not be %.80j', (name, values, message) => {
    for (const value of values) {
      const result = judgeForm(`${name}=${value}`);
      expect(result).toEqual({ ok: false, errors: [{ field: name, message: expect.stringMatching(message) }] });
    }
  });

  it.each([
    ['=?utf-8?B?aGVhZGVyc1t0XQ==?=', /RFC 2047/],
    ['=?UTF-8?Q?priority?=', /RFC 2047/],
    ['"=?utf-8?Q?x?="', /RFC 2047/],
    ['headers%5Bt%5D', /did you mean headers\[name\]\?/],
    ['headers%255Bt%255D', /did you mean headers\[name\]\?/],
    ['delivery%5Fmode', /did you mean delivery_mode\?/],
    ['%70riority', /did you mean priority\?/],
    [' body', /did you mean body\?/],
    ['"body"', /did you mean body\?/],
    ["'content-type' ", /did you mean content-type\?/],
    ['\ufeffbody', /did you mean body\?/],
    ['priority\0', /did you mean priority\?/],
    ['headers.t', /did you mean headers\[name\]\?/],
    ['headers(t)', /did you mean headers\[name\]\?/],
    ['headers [t]', /did you mean headers\[name\]\?/],
    ['priority[]', /did you mean priority\?/],
    ['delivery-mode[0]', /did you mean delivery-mode\?/],
    ['body[]', /did you mean body\?/],
  ])('%j is one of our names in disguise, and not ignored', (name, message) => {
    const errors = [{ field: name, message: expect.stringMatching(message) }];
    const field = { name, value: encoder.encode('1') };
    for (const sources of [
      { form: [field], query: [] },
      { form: [], query: [field] },
    ])
      expect(toProperties(sources, defaults)).toEqual({ ok: false, errors });
  });

  it.each([
    ['true', 'refuse'],
    ['1', 'refuse'],
    ['false', 'ignore'],
    ['0', 'ignore'],
    ['', 'report'],
  ])('mandatory=%s decides about an unroutable message and is no property', (value, unroutable) => {
    expect(judgeForm(`mandatory=${value}`)).toEqual({ ok: true, properties: { deliveryMode: 1 }, unroutable });
  });

  it('leave open what the configuration then decides', () => {
    const result = toProperties({ query: [], form: [] }, { deliveryMode: 2, unroutable: 'refuse' });
    expect(result).toEqual({ ok: true, properties: { deliveryMode: 2 }, unroutable: 'refuse' });
  });

  it('are absent where they are empty', () => {
    const names = ['app_id', 'delivery_mode', 'priority', 'expire', 'timestamp', 'headers', 'mandatory', 'reply-to'];
    expect(propertiesOf(judgeForm(...names.map((name) => `${name}=`)))).toEqual({ deliveryMode: 1 });
  });

  it('are what the last of a repeated field says, whatever its spelling', () => {
    expect(propertiesOf(judgeForm('priority=x', 'priority=3'))).toEqual({ deliveryMode: 1, priority: 3 });
    expect(propertiesOf(judgeForm('priority=3', 'priority='))).toEqual({ deliveryMode: 1 });
    expect(propertiesOf(judgeForm('app_id=a', 'app-id=b'))).toMatchObject({ appId: 'b' });
    expect(propertiesOf(judgeForm('expire=1', 'expiration=2'))).toMatchObject({ expiration: '2' });
    expect(propertiesOf(judgeForm('expiration=1', 'expire=2'))).toMatchObject({ expiration: '2' });
  });

  it('are UTF-8, but unknown fields may be anything', () => {
    const value = Uint8Array.from([0x78, 0xff]);
    expect(errorsOf(judge({ form: [{ name: 'app-id', value }] }))).toEqual(['app-id: expected UTF-8']);
    expect(errorsOf(judge({ form: [{ name: 'headers', value }] }))).toEqual(['headers: expected UTF-8']);
    expect(propertiesOf(judge({ form: [{ name: 'nonsense', value }] }))).toEqual({ deliveryMode: 1 });
  });

  it('are refused all at once, in the order of the fields and under the names they were given', () => {
    const result = judge({
      contentType: short.repeat(2),
      query: fields('type=ok', 'timestamp=x'),
      form: fields('headers[a=1', 'priority=300', 'app_id=ok', 'delivery-mode=3', 'headers[CC]=x', 'expire=-1'),
    });
    expect(result.ok ? [] : result.errors.map((error) => error.field)).toEqual([
      'Content-Type',
      'timestamp',
      'headers[a',
      'priority',
      'delivery-mode',
      'headers[CC]',
      'expire',
    ]);
  });
});

describe('Headers', () => {
  it('may stand in both forms at once, a field before the JSON', () => {
    const result = judgeForm('headers[a]=field', 'headers={"a":"json","b":1}', 'headers[c]=2');
    expect(propertiesOf(result)).toEqual({
      deliveryMode: 1,
      headers: new Map<string, unknown>([
        ['a', 'field'],
        ['b', 1],
        ['c', '2'],
      ]),
    });
  });

  it('add up over query and form, the form first; its JSON replaces everything', () => {
    const query = fields('headers={"a":1,"b":1}', 'headers[c]=1', 'headers[d][]=1');
    expect(propertiesOf(judge({ query, form: fields('headers[b]=2', 'headers[d][]=2') }))).toMatchObject({
      headers: new Map<string, unknown>([
        ['a', 1],
        ['b', '2'],
        ['c', '1'],
        ['d', ['2']],
      ]),
    });
    expect(propertiesOf(judge({ query, form: fields('headers={"b":2}') }))).toMatchObject({
      headers: new Map([['b', 2]]),
    });
    expect(propertiesOf(judge({ query, form: fields('headers=') }))).toMatchObject({
      headers: new Map<string, unknown>([
        ['a', 1],
        ['b', 1],
        ['c', '1'],
        ['d', ['1']],
      ]),
    });
  });

  it('are not judged where the form replaces them', () => {
    const query = fields('headers={', 'headers[CC]=x');
    expect(propertiesOf(judge({ query, form: fields('headers={"a":1}') }))).toMatchObject({
      headers: new Map([['a', 1]]),
    });
    const fixed = judge({ query: fields('headers[CC]=x'), form: fields('headers[CC][]=x') });
    expect(propertiesOf(fixed)).toMatchObject({ headers: new Map([['CC', ['x']]]) });
  });

  // 4 for the table, 3 for the name and the type, 4 for the string's length.
  const room = 65_536 - 4 - 3 - 4;

  it('take at most 64 KiB, however they are given', () => {
    const tooLarge = "headers: expected at most 64 KiB in AMQP's encoding";
    expect(errorsOf(judgeForm(`headers={"a":"${'x'.repeat(room)}"}`))).toEqual([]);
    expect(errorsOf(judgeForm(`headers={"a":"${'x'.repeat(room + 1)}"}`))).toEqual([tooLarge]);
    expect(errorsOf(judgeForm(`headers[a]=${'x'.repeat(room)}`))).toEqual([]);
    expect(errorsOf(judgeForm(`headers[a]=${'x'.repeat(room + 1)}`))).toEqual([tooLarge]);
    expect(errorsOf(judgeForm(`headers={"a":"${'x'.repeat(room)}"}`, 'headers[b]='))).toEqual([tooLarge]);
    expect(errorsOf(judge({ form: fields(`headers[a]=${'x'.repeat(room)}`), traceparent: '00-x' }))).toEqual([
      tooLarge,
    ]);
  });

  it('may be written with escapes only, but not padded without end', () => {
    expect(errorsOf(judgeForm(`headers={"a":"${'\\u0000'.repeat(room)}"}`))).toEqual([]);
    expect(errorsOf(judgeForm(`headers=${' '.repeat(400_000)}{}`))).toHaveLength(1);
  });
});

describe('Precedence', () => {
  it('gives the form before the query and the query before the request headers', () => {
    const sources = {
      contentType: 'a/header',
      contentEncoding: 'gzip',
      query: fields('content-type=a/query', 'type=query'),
    };
    expect(propertiesOf(judge(sources))).toEqual({
      deliveryMode: 1,
      contentType: 'a/query',
      contentEncoding: 'gzip',
      type: 'query',
    });
    expect(propertiesOf(judge({ ...sources, form: fields('type=form') }))).toMatchObject({ type: 'form' });
  });

  it.each(['app_id', 'expire', 'priority', 'timestamp', 'delivery_mode'])('holds for %s', (name) => {
    const result = judge({ query: fields(`${name}=1`), form: fields(`${name}=2`) });
    expect(Object.values(result.ok ? result.properties : {}).map(String)).toContain('2');
  });

  it('lets a weaker source show through an empty property', () => {
    const result = judge({
      contentType: 'text/plain',
      query: fields('content_type=', 'priority=3'),
      form: fields('priority='),
    });
    expect(propertiesOf(result)).toEqual({ deliveryMode: 1, contentType: 'text/plain', priority: 3 });
  });

  it('spares what is overridden from judgement', () => {
    const result = judge({
      contentType: `${short}x`,
      query: fields('content_type=x', 'priority=x'),
      form: fields('priority=1'),
    });
    expect(propertiesOf(result)).toEqual({ deliveryMode: 1, contentType: 'x', priority: 1 });
  });

  it('knows expire and expiration as one', () => {
    const result = judge({ query: fields('expiration=1'), form: fields('expire=2') });
    expect(propertiesOf(result)).toEqual({ deliveryMode: 1, expiration: '2' });
  });
});

describe('Request headers', () => {
  it('are read as UTF-8', () => {
    expect(propertiesOf(judge({ contentType: 'text/plain; x=\xc3\xa9' }))).toMatchObject({
      contentType: 'text/plain; x=é',
    });
    expect(errorsOf(judge({ contentType: 'text/plain; x=\xe9' }))).toEqual(['Content-Type: expected UTF-8']);
    expect(errorsOf(judge({ contentEncoding: short + short }))).toEqual([
      'Content-Encoding: expected at most 255 bytes of UTF-8',
    ]);
  });

  it('name the message by their Idempotency-Key where it has no name', () => {
    expect(propertiesOf(judge({ idempotencyKey: '"k"' }))).toEqual({ deliveryMode: 1, messageId: 'k' });
    expect(propertiesOf(judge({ idempotencyKey: '"k"', form: fields('message_id=m') }))).toMatchObject({
      messageId: 'm',
    });
    expect(propertiesOf(judge({ idempotencyKey: '"k"', form: fields('message-id=') }))).toMatchObject({
      messageId: 'k',
    });
    expect(propertiesOf(judge({ idempotencyKey: '"', form: fields('message_id=m') }))).toMatchObject({
      messageId: 'm',
    });
    expect(errorsOf(judge({ idempotencyKey: '"' }))).toEqual(['Idempotency-Key: expected one quoted string']);
    expect(propertiesOf(judge({ idempotencyKey: '' }))).toEqual({ deliveryMode: 1 });
  });

  it('lend their trace context to a message that has none', () => {
    const trace = { traceparent: '00-a', tracestate: 'b=1' };
    expect(propertiesOf(judge(trace))).toEqual({ deliveryMode: 1, headers: new Map(Object.entries(trace)) });
    expect(propertiesOf(judge({ ...trace, form: fields('headers[traceparent]=own') }))).toMatchObject({
      headers: new Map([
        ['traceparent', 'own'],
        ['tracestate', 'b=1'],
      ]),
    });
    expect(propertiesOf(judge({ ...trace, form: fields('headers={"tracestate":null}') }))).toMatchObject({
      headers: new Map<string, unknown>([
        ['tracestate', null],
        ['traceparent', '00-a'],
      ]),
    });
    expect(propertiesOf(judge({ traceparent: '', tracestate: null }))).toEqual({ deliveryMode: 1 });
  });

  it('do not spoil a message by a trace context that is not UTF-8', () => {
    expect(propertiesOf(judge({ traceparent: '\xff' }))).toEqual({ deliveryMode: 1 });
  });
});

describe('Properties of a JSON object', () => {
  const judgeJson = (json: Record<string, unknown>): PropertiesResult => toPropertiesOfJson(json, {}, defaults);

  it('have JSON types', () => {
    const json = {
      app_id: 'a',
      delivery_mode: 2,
      priority: 3,
      expiration: 60_000,
      timestamp: 1,
      headers: { n: 1, s: 'x', a: [true], t: {} },
      mandatory: true,
      body: 'x',
      routing_key: 'k',
    };
    expect(judgeJson(json)).toEqual({
      ok: true,
      unroutable: 'refuse',
      properties: {
        appId: 'a',
        deliveryMode: 2,
        priority: 3,
        expiration: '60000',
        timestamp: 1,
        headers: new Map<string, unknown>([
          ['n', 1],
          ['s', 'x'],
          ['a', [true]],
          ['t', new Map()],
        ]),
      },
    });
    expect(propertiesOf(judgeJson({ timestamp: '1970-01-01T00:00:01Z' }))).toMatchObject({ timestamp: 1 });
  });

  it('are absent where they are null or empty', () => {
    expect(propertiesOf(judgeJson({ priority: null, app_id: '' }))).toEqual({ deliveryMode: 1 });
  });

  it.each([
    ['app_id', 5],
    ['app_id', '\ud800'],
    ['app_id', `${short}x`],
    ['priority', '3'],
    ['priority', 1.5],
    ['priority', 256],
    ['delivery_mode', '2'],
    ['delivery_mode', true],
    ['expiration', -1],
    ['timestamp', 2 ** 53],
    ['timestamp', 1.5],
    ['timestamp', {}],
    ['mandatory', 'true'],
    ['mandatory', 1],
    ['headers', '{}'],
    ['headers', []],
    ['headers', { a: '\ud800' }],
    ['headers', { CC: 'x' }],
  ])('are refused where %s is %j', (field, value) => {
    const result = judgeJson({ [field]: value });
    expect(result).toEqual({ ok: false, errors: [{ field, message: expect.stringContaining('expected') }] });
  });

  it('take their context from the request', () => {
    expect(toPropertiesOfJson({ type: 't' }, { idempotencyKey: 'k', traceparent: 'p' }, defaults)).toMatchObject({
      properties: { messageId: 'k', type: 't', headers: new Map([['traceparent', 'p']]) },
    });
  });
});

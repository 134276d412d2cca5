import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MessageRequest, type MessageResult, toMessage } from '../../../src/handler/message/message.ts';

const defaults = { deliveryMode: 1, unroutable: 'report' } as const;
const urlencoded = 'application/x-www-form-urlencoded';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const message = (request: Partial<MessageRequest>): MessageResult =>
  toMessage({ contentType: null, contentEncoding: null, query: '', body: new Uint8Array(), ...request }, defaults);

const form = (body: string, query = ''): MessageResult =>
  message({ contentType: urlencoded, query, body: bytes(body) });

const published = (body: Uint8Array, properties: object = {}): MessageResult => ({
  kind: 'message',
  message: { body, properties: { deliveryMode: 1, ...properties }, unroutable: 'report' },
});

describe('A message', () => {
  it("is made of the 2013 README's curl command", () => {
    expect(form('body=hi&content-type=text/plain')).toEqual(published(bytes('hi'), { contentType: 'text/plain' }));
  });

  it("is made of the 2013 README's PHP array, which PHP sends as multipart", () => {
    const fields = {
      body: 'This is a message body published through statelessd',
      app_id: 'PHP Example',
      content_type: 'text/plain',
      timestamp: '1362457811',
      type: 'Example message',
      user_id: 'guest',
    };
    const boundary = '------------------------74b317abe8ec2387';
    const parts = Object.entries(fields).map(
      ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
    );
    const body = bytes(`${parts.join('')}--${boundary}--\r\n`);
    expect(message({ contentType: `multipart/form-data; boundary=${boundary}`, body })).toEqual(
      published(bytes(fields.body), {
        appId: 'PHP Example',
        contentType: 'text/plain',
        timestamp: 1_362_457_811,
        type: 'Example message',
        userId: 'guest',
      }),
    );
  });

  it("is made of what PHP's http_build_query makes of nested arrays", () => {
    const body =
      'body=This+is+%00+%FF&headers%5Ba%5D%5B0%5D=x&headers%5Ba%5D%5B1%5D=y&headers%5Bt%5D%5Bk%5D%5B0%5D=1' +
      '&headers%5Bt%5D%5Bk%5D%5B1%5D%5Bz%5D=2&headers%5Bn%5D=5&headers%5Bx-y%5D=%C3%A9&priority=';
    const headers = new Map<string, unknown>([
      ['a', ['x', 'y']],
      ['t', new Map([['k', ['1', new Map([['z', '2']])]]])],
      ['n', '5'],
      ['x-y', 'é'],
    ]);
    expect(form(body)).toEqual(published(Uint8Array.from([...bytes('This is \0 '), 0xff]), { headers }));
  });

  it('is a raw body, with the properties that its own headers give it', () => {
    expect(message({ body: bytes('body=hi') })).toEqual(published(bytes('body=hi')));
    expect(message({ contentType: 'application/json', contentEncoding: 'gzip', body: bytes('{}') })).toEqual(
      published(bytes('{}'), { contentType: 'application/json', contentEncoding: 'gzip' }),
    );
  });

  it('does not take a form for its content', () => {
    expect(message({ contentType: urlencoded, contentEncoding: 'identity', body: bytes('body=x') })).toEqual(
      published(bytes('x')),
    );
  });

  it('takes properties from the query string', () => {
    expect(message({ query: 'content-type=a/b&type=a+b%20c&headers%5Bx%5D=1&body=no', body: bytes('raw') })).toEqual(
      published(bytes('raw'), { contentType: 'a/b', type: 'a b c', headers: new Map([['x', '1']]) }),
    );
    expect(form('body=x&type=form', 'type=query&app_id=query')).toEqual(
      published(bytes('x'), { type: 'form', appId: 'query' }),
    );
    expect(message({ query: 'type=\xc3\xa9' })).toEqual(published(bytes(''), { type: 'é' }));
  });

  it('says what becomes of it where it is unroutable', () => {
    expect(form('body=x&mandatory=1')).toMatchObject({ message: { unroutable: 'refuse' } });
  });

  it('may be empty, but must be there', () => {
    expect(form('body=')).toEqual(published(bytes('')));
    expect(form('body')).toEqual(published(bytes('')));
    expect(message({})).toEqual(published(bytes('')));
    const missing = { field: 'body', message: 'is required (it may be empty)' };
    expect(form('')).toMatchObject({ kind: 'invalid', errors: [missing] });
    expect(form('type=x', 'body=query')).toMatchObject({ kind: 'invalid', errors: [missing] });
    expect(form('priority=x')).toMatchObject({ kind: 'invalid', errors: [missing, { field: 'priority' }] });
  });

  it('is refused for invalid properties, all listed', () => {
    expect(form('body=x&priority=300&delivery_mode=3', 'expire=x')).toMatchObject({
      kind: 'invalid',
      errors: [{ field: 'expire' }, { field: 'priority' }, { field: 'delivery_mode' }],
    });
  });

  it('is malformed where a form or a query string is, and the field is named', () => {
    const expected = { kind: 'malformed', errors: [{ field: 'type', message: expect.stringContaining('hex digits') }] };
    expect(form('body=x&type=%zz')).toMatchObject({
      ...expected,
      message: expect.stringMatching(/^the form .* type: /),
    });
    expect(form('body=x', 'type=%')).toMatchObject({
      ...expected,
      message: expect.stringMatching(/^the query .* type: /),
    });
    expect(message({ query: 'type=%' })).toMatchObject(expected);
    expect(message({ contentType: 'multipart/form-data' })).toMatchObject({
      kind: 'malformed',
      message: expect.stringMatching(/^the form is broken: Content-Type names no boundary; .*octet-stream/),
      errors: [{ field: 'body', message: expect.stringContaining('boundary') }],
    });
  });

  it('may have 256 fields in form and query string together', () => {
    expect(form(`body=x${'&a='.repeat(155)}`, 'b=&'.repeat(100))).toMatchObject({ kind: 'message' });
    expect(form(`body=x${'&a='.repeat(156)}`, 'b=&'.repeat(100))).toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining('more than 256 fields'),
    });
    expect(form(`body=x${'&a='.repeat(255)}`, '&')).toMatchObject({ kind: 'message' });
  });
});

describe('The bytes of a message come out as they went in', () => {
  const bodyOf = (result: MessageResult): unknown => (result.kind === 'message' ? result.message.body : result);

  it('as a raw body', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        expect(bodyOf(message({ contentType: 'text/plain', body }))).toEqual(body);
      }),
    );
  });

  it('as a field of a urlencoded form', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (body) => {
        const encoded = Array.from(body, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
        expect(bodyOf(form(`type=x&body=${encoded}&priority=3`))).toEqual(body);
      }),
    );
  });

  it('as a part of a multipart form, with a file name and without', async () => {
    const boundary = 'boundary7MA4YWxkTrZu0gW';
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom('', '; filename="a.bin"'), (body, fileName) => {
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="body"${fileName}\r\n\r\n`;
        const whole = Uint8Array.from([...bytes(head), ...body, ...bytes(`\r\n--${boundary}--\r\n`)]);
        expect(bodyOf(message({ contentType: `multipart/form-data; boundary=${boundary}`, body: whole }))).toEqual(
          body,
        );
      }),
    );
  });

  it('and no bytes make it throw', () => {
    const contentType = fc.constantFrom(null, urlencoded, 'multipart/form-data; boundary=B', 'text/plain');
    const query = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
    const names = fc.constantFrom(
      'headers',
      'headers[',
      ']',
      '[',
      '=',
      '&',
      '%',
      '+',
      'priority',
      'a',
      '{',
      '"',
      '}',
      '\xff',
    );
    const body = fc.oneof(
      fc.uint8Array(),
      fc.array(names).map((pieces) => bytes(pieces.join(''))),
    );
    fc.assert(
      fc.property(fc.record({ contentType, query, body }), (request) => {
        expect(['message', 'malformed', 'invalid']).toContain(message(request).kind);
      }),
      { numRuns: 500 },
    );
  });
});

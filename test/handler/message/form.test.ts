import { describe, expect, it } from 'vitest';
import { parseForm } from '../../../src/handler/message/form.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const urlencoded = 'application/x-www-form-urlencoded';

const multipart = (boundary: string): Uint8Array =>
  bytes(`--${boundary}\r\nContent-Disposition: form-data; name="body"\r\n\r\nhi\r\n--${boundary}--\r\n`);

describe('A request is a form', () => {
  it.each([
    urlencoded,
    'APPLICATION/X-WWW-Form-Urlencoded',
    `${urlencoded}; charset=UTF-8`,
    `${urlencoded};charset=UTF-8`,
    ` ${urlencoded} ;`,
    'multipart/form-data; boundary=x',
    'Multipart/Form-Data',
  ])('by the Content-Type %j', (contentType) => {
    expect(parseForm(contentType, bytes('body=hi')).kind).toMatch(/^(form|malformed)$/);
  });

  it.each([
    null,
    '',
    'text/plain',
    'application/json',
    'multipart/mixed; boundary=x',
    'application/x-www-form-urlencoded-not',
    `text/plain; x=${urlencoded}`,
  ])('but not by %j', (contentType) => {
    expect(parseForm(contentType, bytes('body=hi'))).toEqual({ kind: 'raw' });
  });

  it.each([
    `${urlencoded}, text/plain`,
    `${urlencoded}, ${urlencoded}`,
    `${urlencoded} charset=utf-8`,
    'multipart/form-data, boundary=x',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=a,b',
    'multipart/form-data; boundary="x',
    'plain',
  ])('nor is there one media type in %j', (contentType) => {
    expect(parseForm(contentType, bytes('body=hi'))).toMatchObject({ kind: 'not-one-type', field: 'Content-Type' });
  });

  it('whose message is the last field named body', () => {
    expect(parseForm(urlencoded, bytes('body=1&x=y&body=2&type=t'))).toMatchObject({
      body: { value: bytes('2') },
    });
    expect(parseForm(urlencoded, bytes('%62ody='))).toMatchObject({ body: { value: bytes('') } });
    expect(parseForm(urlencoded, bytes('Body=1'))).toMatchObject({ kind: 'form', body: undefined });
    expect(parseForm(urlencoded, bytes(''))).toEqual({ kind: 'form', fields: [], body: undefined });
  });

  it('that is malformed where a field is broken, which it names', () => {
    const form = parseForm(urlencoded, bytes('body=%'));
    expect(form).toMatchObject({ kind: 'malformed', field: 'body', message: expect.stringContaining('hex') });
  });
});

describe('A multipart boundary', () => {
  it.each([
    ['multipart/form-data; boundary=x', 'x'],
    ['multipart/form-data;boundary=x;charset=utf-8', 'x'],
    ['multipart/form-data; charset="a;boundary=y"; Boundary=x', 'x'],
    ['multipart/form-data; boundary="x y"', 'x y'],
    ['multipart/form-data; boundary="a\\"b\\c"', 'a"bc'],
    ['multipart/form-data; boundary=*****', '*****'],
    ['multipart/form-data; boundary=----=_Part_1:2/3', '----=_Part_1:2/3'],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
  ])('is found in %j', (contentType, boundary) => {
    expect(parseForm(contentType, multipart(boundary))).toMatchObject({
      kind: 'form',
      body: { value: bytes('hi') },
    });
  });

  it.each([
    ['multipart/form-data', /no boundary/],
    ['multipart/form-data; charset=utf-8', /no boundary/],
    ['multipart/form-data; xboundary=x', /no boundary/],
    ['multipart/form-data; boundary=""', /1 to 70/],
    ['multipart/form-data; boundary="x "', /1 to 70/],
    ['multipart/form-data; boundary="x\xff"', /1 to 70/],
    [`multipart/form-data; boundary=${'x'.repeat(71)}`, /1 to 70/],
  ])('is missed or refused in %j', (contentType, message) => {
    const form = parseForm(contentType, multipart('x'));
    expect(form).toEqual({ kind: 'malformed', message: expect.stringMatching(message) });
  });
});

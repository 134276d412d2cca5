import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUrlencoded } from '../../../src/handler/message/urlencoded.ts';

/** Bytes, one per character. */
const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

const toByteString = (value: Uint8Array): string => Array.from(value, (byte) => String.fromCharCode(byte)).join('');

/** Names and values, one character per byte, or the error. */
const parse = (text: string, limit?: number): unknown => {
  const result = parseUrlencoded(bytes(text), limit);
  return result.ok ? result.fields.map(({ name, value }) => [name, toByteString(value)]) : result;
};

const percentEncode = (value: Uint8Array): string =>
  Array.from(value, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

describe('A urlencoded form', () => {
  it.each<[string, string[][]]>([
    ['', []],
    [
      'body=hi&content-type=text/plain',
      [
        ['body', 'hi'],
        ['content-type', 'text/plain'],
      ],
    ],
    [
      'a=1&a=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['a', [['a', '']]],
    ['a=', [['a', '']]],
    ['=x', [['', 'x']]],
    ['=', [['', '']]],
    ['a=b=c', [['a', 'b=c']]],
    [
      '&&a=1&&&b=2&',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      '&a&=&',
      [
        ['a', ''],
        ['', ''],
      ],
    ],
    [
      'a&b=1',
      [
        ['a', ''],
        ['b', '1'],
      ],
    ],
    ['a=1;b=2', [['a', '1;b=2']]],
    ['a+b=c+d', [['a b', 'c d']]],
    ['a=%2B%26%3d%25', [['a', '+&=%']]],
    ['a=%00%ff%C3%a9', [['a', '\0\xff\xc3\xa9']]],
    ['a=\0\xff\r\n ', [['a', '\0\xff\r\n ']]],
    [
      'a=1&b=%41&c=2+&d=3',
      [
        ['a', '1'],
        ['b', 'A'],
        ['c', '2 '],
        ['d', '3'],
      ],
    ],
    ['%62%6Fdy=x', [['body', 'x']]],
    [
      '\xc3\xa9=1&%c3%a9=2',
      [
        ['é', '1'],
        ['é', '2'],
      ],
    ],
    ['\xef\xbb\xbfa=1', [['\ufeffa', '1']]],
    ['headers%5Ba%5D%5B%5D=x', [['headers[a][]', 'x']]],
    ['__proto__=x', [['__proto__', 'x']]],
  ])('%j is read', (form, fields) => {
    expect(parse(form)).toEqual(fields);
  });

  it.each([
    ['a=%', 'a', /two hex digits/],
    ['a=1&b=%4', 'b', /two hex digits/],
    ['a=%zz&b=1', 'a', /two hex digits/],
    ['a=%4&b=1', 'a', /two hex digits/],
    ['a=%&41', 'a', /two hex digits/],
    ['a=%-1', 'a', /two hex digits/],
    ['a=%4g', 'a', /two hex digits/],
    ['a=%G0', 'a', /two hex digits/],
    ['a=%4:', 'a', /two hex digits/],
    ['a=%/0', 'a', /two hex digits/],
    ['a=%4@', 'a', /two hex digits/],
    ['a=%`0', 'a', /two hex digits/],
    ['%a=1', '%a', /two hex digits/],
    ['a%ff=1', 'a%ff', /UTF-8/],
    ['a%c0%af=1', 'a%c0%af', /UTF-8/],
    ['%ed%a0%80', '%ed%a0%80', /UTF-8/],
  ])('%j is broken, and the field is named', (form, field, message) => {
    expect(parse(form)).toEqual({ ok: false, field, message: expect.stringMatching(message) });
  });

  it.each([
    ['what is too long for a name', `${'x'.repeat(16_000)}=%`],
    ['bytes that are no text', '\x89PNG\r\n\x1a\n\0%'],
    ['control characters', 'a\0b=%'],
  ])('does not echo %s in an error', (_, form) => {
    expect(parse(form)).toEqual({ ok: false, message: expect.any(String) });
  });

  it('knows no field whose name is longer than any of ours can be', () => {
    expect(parse(`${'x'.repeat(20_000)}=1&body=2`)).toMatchObject([
      [expect.stringMatching(/^x+…$/), ''],
      ['body', '2'],
    ]);
  });

  it('has at most 256 fields, empty pairs not counted', () => {
    expect(parse('a=&'.repeat(256))).toHaveLength(256);
    expect(parse('&&a'.repeat(256))).toHaveLength(256);
    expect(parse('a=&'.repeat(257))).toEqual({ ok: false, message: 'more than 256 fields' });
  });

  it('has fewer fields where fewer are left', () => {
    expect(parse('a&b', 2)).toHaveLength(2);
    expect(parse('a&b', 1)).toMatchObject({ ok: false });
    expect(parse('', 0)).toEqual([]);
  });

  it('is not read beyond the field that is one too many', () => {
    expect(parse(`${'a=&'.repeat(256)}b=%`)).toEqual({ ok: false, message: 'more than 256 fields' });
  });

  it('lends an unescaped value without a copy', () => {
    const form = bytes('type=a%20b&body=plain');
    const result = parseUrlencoded(form);
    expect(result.ok && result.fields[1]?.value.buffer).toBe(form.buffer);
    expect(result.ok && result.fields[0]?.value.buffer).not.toBe(form.buffer);
  });

  it.each(['a=&', '&', '=', 'a', '+', '%41', 'a%', 'a=%&', '\xff'])(
    'of 10 MB of %j is judged in linear time',
    (unit) => {
      expect(parseUrlencoded(new Uint8Array(Buffer.alloc(10_000_000, unit, 'latin1')))).toBeDefined();
    },
  );

  it('carries any bytes, however they are encoded', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.uint8Array())), (fields) => {
        const form = fields.map(([name, value]) => `${encodeURIComponent(name)}=${percentEncode(value)}`).join('&');
        expect(parse(form)).toEqual(fields.map(([name, value]) => [name, toByteString(value)]));
      }),
    );
  });

  it('agrees with URLSearchParams, which encoded it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))), (fields) => {
        const result = parseUrlencoded(bytes(new URLSearchParams(fields).toString()));
        const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
        expect(result.ok && result.fields.map(({ name, value }) => [name, decoder.decode(value)])).toEqual(fields);
      }),
    );
  });

  it('keeps raw bytes that mean nothing to it', () => {
    const special = new Set(Array.from('%+&', (character) => character.charCodeAt(0)));
    fc.assert(
      fc.property(fc.uint8Array(), (value) => {
        const raw = value.filter((byte) => !special.has(byte));
        const form = new Uint8Array([...bytes('body='), ...raw]);
        expect(parseUrlencoded(form)).toEqual({ ok: true, fields: [{ name: 'body', value: raw }] });
      }),
    );
  });

  it('never makes it throw', () => {
    const likely = fc.array(fc.constantFrom(...Array.from('%&=+a4\xff\0', (character) => character.charCodeAt(0))));
    fc.assert(fc.property(fc.uint8Array(), (form) => void parseUrlencoded(form)));
    fc.assert(fc.property(likely, (form) => void parseUrlencoded(Uint8Array.from(form))));
  });
});

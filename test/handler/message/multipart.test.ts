import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMultipart } from '../../../src/handler/message/multipart.ts';

/** Bytes, one per character. */
const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

const toByteString = (value: Uint8Array): string => Array.from(value, (byte) => String.fromCharCode(byte)).join('');

/** Names and values, one character per byte, or the message. */
const parse = (form: string, boundary = 'B', limit?: number): unknown => {
  const result = parseMultipart(bytes(form), boundary, limit);
  return result.ok ? result.fields.map(({ name, value }) => [name, toByteString(value)]) : result.message;
};

const disposition = (name: string): string => `Content-Disposition: form-data; name="${name}"\r\n`;
const part = (name: string, value: string): string => `--B\r\n${disposition(name)}\r\n${value}\r\n`;

describe('A multipart form', () => {
  it.each<[string, string, string[][]]>([
    ['one part', `${part('body', 'hi')}--B--\r\n`, [['body', 'hi']]],
    ['no line break at its end', `${part('body', 'hi')}--B--`, [['body', 'hi']]],
    [
      'several parts',
      `${part('a', '1')}${part('b', '2')}--B--`,
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'repeated parts',
      `${part('a', '1')}${part('a', '2')}--B--`,
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['an empty part', `${part('body', '')}--B--`, [['body', '']]],
    ['an empty name', `${part('', 'x')}--B--`, [['', 'x']]],
    ['a part that ends with its header', `--B\r\n${disposition('body')}\r\n--B--`, [['body', '']]],
    ['a preamble', `This is a form.\r\n${part('body', 'hi')}--B--`, [['body', 'hi']]],
    ['a preamble that looks like it', `--Bx\r\n--b\r\n${part('body', 'hi')}--B--`, [['body', 'hi']]],
    ['a line break before it', `\r\n${part('body', 'hi')}--B--`, [['body', 'hi']]],
    ['an epilogue', `${part('body', 'hi')}--B--\r\nbye\r\n${part('a', '1')}--B--`, [['body', 'hi']]],
    ['padded boundaries', `--B \t\r\n${disposition('body')}\r\nhi\r\n--B-- \t`, [['body', 'hi']]],
  ])('with %s is read', (_, form, fields) => {
    expect(parse(form)).toEqual(fields);
  });

  it.each([
    ['a byte order mark', '\xef\xbb\xbfhi'],
    ['NULs and invalid UTF-8', '\0\xff\xfe\0A'],
    ['a line break at its end', 'hi\r\n'],
    ['line breaks only', '\r\n\r\n\r\n'],
    ['carriage returns', '\r\r\n\r'],
    ['a carriage return at its end', 'hi\r'],
    ['a boundary within a line', 'x--B\r\n'],
    ['a boundary after a bare line feed', 'x\n--B\r\ny'],
    ['a boundary after a bare carriage return', 'x\r--B\r\ny'],
    ['a longer boundary', 'x\r\n--BB\r\ny'],
    ['a longer final boundary', 'x\r\n--B--x\r\ny'],
    ['a boundary with one hyphen more', 'x\r\n--B-\r\ny'],
    ['a boundary with one hyphen less', 'x\r\n-B\r\ny'],
    ['a boundary before a bare line feed', 'x\r\n--B\ny'],
    ['a padded line after a boundary', 'x\r\n--B  x\r\ny'],
    ['the beginning of a boundary at its end', 'x\r\n--'],
    ['the beginnings of boundaries', '\r\n--\r\n--\r\n\r\n--'],
    ['what looks like a header', '\r\nContent-Length: 5\r\n\r\n'],
  ])('keeps %s in a part', (_, value) => {
    expect(parse(`${part('body', value)}${part('a', '1')}--B--`)).toEqual([
      ['body', value],
      ['a', '1'],
    ]);
  });

  it.each<[string, string, string]>([
    ['a bare name', 'Content-Disposition: form-data; name=body', 'body'],
    ['other case', 'CONTENT-disposition:FORM-DATA;NAME="body"', 'body'],
    ['white space', 'Content-Disposition:  form-data \t;  name = "body" ; x', 'body'],
    ['a file name', 'Content-Disposition: form-data; name="body"; filename="a.bin"\r\nContent-Type: image/png', 'body'],
    ['a file name first', 'Content-Disposition: form-data; filename="a; name=\\"x\\""; name="body"', 'body'],
    ['a Latin-1 file name', 'Content-Disposition: form-data; name="body"; filename="\xe9"', 'body'],
    ['an encoded file name', 'Content-Disposition: form-data; filename*=utf-8\'\'x; name="body"', 'body'],
    ['a folded line', 'Content-Disposition: form-data;\r\n\tname="body"', 'body'],
    ['headers around it', 'X-A: 1\r\nContent-Disposition: form-data; name="body"\r\nX-B:', 'body'],
    ['a quote as curl escapes it', 'Content-Disposition: form-data; name="a\\"b\\\\c"', 'a"b\\c'],
    ['a quote as browsers escape it', 'Content-Disposition: form-data; name="a%22b%0D%0Ac"', 'a"b\r\nc'],
    ['a percent sign', 'Content-Disposition: form-data; name="100%41%"', '100%41%'],
    ['a backslash', 'Content-Disposition: form-data; name="a\\b"', 'a\\b'],
    ['brackets', 'Content-Disposition: form-data; name="headers[a][]"', 'headers[a][]'],
    ['UTF-8', 'Content-Disposition: form-data; name="\xc3\xa9\xe2\x80\xa8"', 'é\u2028'],
    ['a replacement character', 'Content-Disposition: form-data; name="\xef\xbf\xbd"', '\ufffd'],
    ['a transfer encoding that changes nothing', `${disposition('body')}Content-Transfer-Encoding: base64`, 'body'],
  ])('reads the name of a part with %s', (_, header, name) => {
    expect(parse(`--B\r\n${header}\r\n\r\naGk=\r\n--B--`)).toEqual([[name, 'aGk=']]);
  });

  it.each([
    ['nothing', '', /no part begins/],
    ['another boundary', part('body', 'hi').replaceAll('--B', '--C'), /no part begins/],
    ['a boundary in other case', part('body', 'hi').replaceAll('--B', '--b'), /no part begins/],
    ['bare line feeds', part('body', 'hi').replaceAll('\r', ''), /no part begins/],
    ['no final boundary', part('body', 'hi'), /final boundary/],
    ['half a final boundary', `${part('body', 'hi')}--B-`, /final boundary/],
    ['content cut off', `--B\r\n${disposition('body')}\r\nhi`, /final boundary/],
    ['no parts', '--B--\r\n', /no parts/],
    ['no header', '--B\r\n\r\nhi\r\n--B--', /part 1 has no name/],
    ['no name', '--B\r\nContent-Disposition: form-data\r\n\r\nhi\r\n--B--', /part 1 has no name/],
    ['only a type', '--B\r\nContent-Type: text/plain\r\n\r\nhi\r\n--B--', /part 1 has no name/],
    [
      'a part of another kind',
      '--B\r\nContent-Disposition: file; name="body"\r\n\r\nhi\r\n--B--',
      /part 1 has no name/,
    ],
    ['an unclosed quote', '--B\r\nContent-Disposition: form-data; name="body\r\n\r\nhi\r\n--B--', /part 1 has no name/],
    [
      'a line without colon',
      `${part('a', '1')}--B\r\nContent-Disposition\r\n\r\nhi\r\n--B--`,
      /part 2 .* broken header/,
    ],
    ['a line with a bare line feed', '--B\r\nA: b\nC: d\r\n\r\nhi\r\n--B--', /part 1 .* broken header/],
    ['a header without an empty line', `--B\r\n${disposition('body')}--B--`, /part 1 has no header that ends/],
    ['a header over 8 KiB', `--B\r\nX: ${'x'.repeat(8192)}\r\n\r\nhi\r\n--B--`, /part 1 has no header that ends/],
    ['a name in Latin-1', `--B\r\n${disposition('\xe9')}\r\nhi\r\n--B--`, /part 1 .* UTF-8/],
  ])('with %s is broken', (_, form, message) => {
    expect(parse(form)).toMatch(message);
  });

  it('may have part headers of 8 KiB', () => {
    const padding = 'x'.repeat(8192 - disposition('body').length - 'X: '.length);
    expect(parse(`--B\r\n${disposition('body')}X: ${padding}\r\n\r\nhi\r\n--B--`)).toEqual([['body', 'hi']]);
  });

  it('has at most 256 parts', () => {
    expect(parse(`${part('a', '').repeat(256)}--B--`)).toHaveLength(256);
    expect(parse(`${part('a', '').repeat(257)}--B--`)).toBe('more than 256 fields');
    expect(parse(`${part('a', '').repeat(2)}--B--`, 'B', 1)).toBe('more than 256 fields');
  });

  it('lends its content without a copy', () => {
    const form = bytes(`${part('body', 'hi')}--B--`);
    const result = parseMultipart(form, 'B');
    expect(result.ok && result.fields[0]?.value.buffer).toBe(form.buffer);
  });

  const boundary = 'A'.repeat(70);
  const start = `--${boundary}\r\n${disposition('body')}\r\n`;

  it.each([
    '\r',
    '\n',
    '\r\n',
    '\rx',
    '\r\n--',
    '\r\n--A',
    `\r${'x'.repeat(48)}`,
    `\r\n--${boundary.slice(1)}`,
    `\r\n--${boundary}x`,
    `\r\n--${boundary}-`,
    `\r\n--${boundary} x`,
    `--${boundary}`,
  ])('of 10 MB of %j is judged in linear time', (unit) => {
    const filler = Buffer.alloc(10_000_000, unit, 'latin1');
    const form = new Uint8Array(Buffer.concat([Buffer.from(start), filler, Buffer.from(`\r\n--${boundary}--`)]));
    const result = parseMultipart(form, boundary);
    expect(result).toMatchObject({ ok: true });
    expect(result.ok && result.fields[0]?.value.length).toBe(filler.length);
    expect(parseMultipart(new Uint8Array(filler), boundary)).toMatchObject({ ok: false });
  });

  const boundaries = fc
    .stringMatching(/^[A-Za-z0-9'()+_,\-./:=? ]{0,69}[A-Za-z0-9'()+_,\-./:=?]$/)
    .filter((value) => value.length <= 70);
  // Bytes that a careless search stumbles over are much more likely here than among random ones.
  const nastyFor = (value: string): fc.Arbitrary<string> =>
    fc
      .array(fc.constantFrom('\r', '\n', '\r\n', '-', '--', `--${value}`.slice(0, -1), value, ' ', '\0', '\xff'))
      .map((pieces) => pieces.join(''))
      .filter((content) => !`\r\n${content}\r\n`.includes(`\r\n--${value}`));
  const forms = boundaries.chain((value) =>
    fc.record({
      boundary: fc.constant(value),
      preamble: fc.constantFrom('', 'preamble\r\n', '\r\n'),
      epilogue: fc.constantFrom('', '\r\n', '\r\nepilogue'),
      values: fc.array(nastyFor(value), { minLength: 1, maxLength: 5 }),
    }),
  );

  it('carries any bytes that do not hold its boundary', () => {
    fc.assert(
      fc.property(forms, ({ boundary, preamble, epilogue, values }) => {
        const parts = values.map((value, i) => `--${boundary}\r\n${disposition(`n${i}`)}\r\n${value}\r\n`);
        const form = `${preamble}${parts.join('')}--${boundary}--${epilogue}`;
        expect(parse(form, boundary)).toEqual(values.map((value, i) => [`n${i}`, value]));
      }),
      { numRuns: 500 },
    );
  });

  it('is read as FormData wrote it', async () => {
    const text = fc.string({ unit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(text, fc.uint8Array()), { minLength: 1 }), async (fields) => {
        const data = new FormData();
        for (const [name, value] of fields) data.append(name, new Blob([value]), 'a "file".bin');
        const response = new Response(data);
        const boundary = response.headers.get('content-type')?.split('boundary=')[1] ?? '';
        const result = parseMultipart(new Uint8Array(await response.arrayBuffer()), boundary);
        const read = result.ok ? result.fields.map(({ name, value }) => [name, toByteString(value)]) : result.message;
        expect(read).toEqual(fields.map(([name, value]) => [name, toByteString(value)]));
      }),
    );
  });

  it('never makes it throw', () => {
    const pieces = fc.array(
      fc.constantFrom(
        '--B',
        '\r\n',
        '--',
        '\r',
        ' ',
        disposition('a'),
        'Content-Disposition',
        ':',
        '"',
        '\\',
        ';',
        '\xff',
      ),
      { maxLength: 30 },
    );
    fc.assert(fc.property(pieces, (form) => void parse(form.join(''))));
    fc.assert(fc.property(fc.uint8Array(), (form) => void parseMultipart(form, 'B')));
  });
});

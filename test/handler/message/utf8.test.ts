import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeByteString, decodeUtf8, isShortString, utf8Length } from '../../../src/handler/message/utf8.ts';

const encoder = new TextEncoder();

describe('UTF-8', () => {
  it('is decoded to what was encoded, byte order marks and NULs included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeUtf8(encoder.encode(`\ufeff${text}\0`))).toBe(`\ufeff${text}\0`);
      }),
    );
  });

  it.each([[[0xff]], [[0xc0, 0xaf]], [[0xed, 0xa0, 0x80]], [[0xe2, 0x82]], [[0xf4, 0x90, 0x80, 0x80]]])(
    'is not %j',
    (bytes) => {
      expect(decodeUtf8(Uint8Array.from(bytes))).toBeUndefined();
    },
  );

  it('is as long as its encoding', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8Length(text)).toBe(encoder.encode(text).length);
      }),
    );
  });

  it('has no form of a lone surrogate', () => {
    const unit = fc.integer({ min: 0xd7fe, max: 0xe001 }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(fc.array(unit), (units) => {
        const text = units.join('');
        expect(utf8Length(text) === undefined).toBe(/\p{Cs}/u.test(text));
      }),
    );
  });

  it('fits a short string up to 255 bytes', () => {
    expect(isShortString('x'.repeat(255))).toBe(true);
    expect(isShortString('x'.repeat(256))).toBe(false);
    expect(isShortString(`${'é'.repeat(127)}x`)).toBe(true);
    expect(isShortString('é'.repeat(128))).toBe(false);
    expect(isShortString('\ud800')).toBe(false);
  });

  it('is read from a header that came as one character per byte', () => {
    expect(decodeByteString('text/plain; charset=utf-8')).toBe('text/plain; charset=utf-8');
    expect(decodeByteString('caf\xc3\xa9')).toBe('café');
    expect(decodeByteString('caf\xe9')).toBeUndefined();
  });
});

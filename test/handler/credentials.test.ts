import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAuthorization } from '../../src/handler/credentials.ts';

/** A Basic header whose credentials are these bytes, one per character. */
const basic = (bytes: string): string => `Basic ${btoa(bytes)}`;

const toByteString = (text: string): string =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');

describe('Basic credentials', () => {
  it.each([
    ['Basic Z3Vlc3Q6Z3Vlc3Q=', 'guest', 'guest'],
    ['basic Z3Vlc3Q6Z3Vlc3Q=', 'guest', 'guest'],
    ['BASIC  Z3Vlc3Q6Z3Vlc3Q=', 'guest', 'guest'],
    ['Basic Z3Vlc3Q6Z3Vlc3Q', 'guest', 'guest'],
    [basic('u:p:q:'), 'u', 'p:q:'],
    [basic('u:'), 'u', ''],
    [basic(':p'), '', 'p'],
    [basic(':'), '', ''],
    [basic(toByteString('jürgen:päß 字')), 'jürgen', 'päß 字'],
    [basic(toByteString('\ufeffu:\ufeffp')), '\ufeffu', '\ufeffp'],
    [basic(`u:${'x'.repeat(300)}`), 'u', 'x'.repeat(300)],
  ])('are read from %j', (header, username, password) => {
    expect(parseAuthorization(header)).toEqual({ kind: 'basic', username, password });
  });

  it.each([
    ['no header', null],
    ['nothing', ''],
    ['a scheme alone', 'Basic'],
    ['an empty token', 'Basic '],
    ['another scheme', 'Digest Z3Vlc3Q6Z3Vlc3Q='],
    ['a scheme that only begins alike', 'Basically Z3Vlc3Q6Z3Vlc3Q='],
    ['two headers', 'Basic Z3Vlc3Q6Z3Vlc3Q=, Basic Z3Vlc3Q6Z3Vlc3Q='],
    ['two tokens', 'Basic Z3Vlc3Q6 Z3Vlc3Q='],
    ['a leading space', ' Basic Z3Vlc3Q6Z3Vlc3Q='],
    ['a trailing line break', 'Basic Z3Vlc3Q6Z3Vlc3Q=\n'],
    ['too much padding', 'Basic Z3Vlc3Q6Z3Vlc3Q=='],
    ['too little padding', 'Basic dTpwcQ='],
    ['a length that no bytes have', 'Basic Z3Vlc'],
    ['bits beyond the last byte', 'Basic Z3Vlc3Q6Z3Vlc3R='],
    ['the URL alphabet', 'Basic dTo_Pz8-'],
    ['no colon', basic('guest')],
    ['a NUL in the password', basic('guest:gu\0est')],
    ['a NUL in the user', basic('gu\0est:guest')],
    ['a line break', basic('guest:gu\r\nest')],
    ['a DEL', basic('guest:\x7f')],
    ['Latin-1', basic('j\xfcrgen:x')],
    ['an overlong form', basic('u:\xc0\xaf')],
    ['a surrogate', basic('u:\xed\xa0\x80')],
  ])('are none where there is %s', (_, header) => {
    expect(parseAuthorization(header)).toBeUndefined();
  });

  it('come out as they went in, whatever characters they hold', () => {
    const text = fc.string({ unit: 'binary' }).map((value) => value.replace(/[^\P{Cc}\u0080-\u009f]/gu, ''));
    fc.assert(
      fc.property(text, text, (user, password) => {
        const username = user.replaceAll(':', '');
        expect(parseAuthorization(basic(toByteString(`${username}:${password}`)))).toEqual({
          kind: 'basic',
          username,
          password,
        });
      }),
    );
  });

  it('never make it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (header) => void parseAuthorization(`Basic ${header}`)));
  });
});

describe('Bearer credentials', () => {
  it.each([
    ['Bearer a.b-c_d.e', 'a.b-c_d.e'],
    ['bearer opaque', 'opaque'],
    ['BEARER  a~b+c/d==', 'a~b+c/d=='],
  ])('are read from %j', (header, token) => {
    expect(parseAuthorization(header)).toEqual({ kind: 'bearer', token });
  });

  it.each([
    ['a scheme alone', 'Bearer'],
    ['an empty token', 'Bearer '],
    ['a scheme that only begins alike', 'Bearers a.b.c'],
    ['two headers', 'Bearer a.b.c, Bearer a.b.c'],
    ['two tokens', 'Bearer a.b.c d.e.f'],
    ['padding in the middle', 'Bearer a=b'],
    ['a quoted string', 'Bearer "a.b.c"'],
    ['Latin-1', 'Bearer \xe4'],
    ['a trailing line break', 'Bearer a.b.c\n'],
  ])('are none where there is %s', (_, header) => {
    expect(parseAuthorization(header)).toBeUndefined();
  });
});

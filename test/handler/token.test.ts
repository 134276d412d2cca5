import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseToken } from '../../src/handler/token.ts';

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** A token whose payload is this text. */
const tokenOf = (payload: string, header = '{"alg":"RS256"}'): string =>
  `${base64url(header)}.${base64url(payload)}.c2lnbmF0dXJl`;

const lastingOf = (payload: string): string | undefined => parseToken(tokenOf(payload))?.lasting;

describe('a JSON Web Token', () => {
  it('says whose it is and when it ends', () => {
    const token = tokenOf('{"sub":"jürgen","client_id":"app","exp":1700000000,"aud":["x"],"azp":"z"}');
    expect(parseToken(token)).toMatchObject({
      names: ['jürgen', 'app'],
      texts: ['jürgen', 'app', 'z'],
      expiresAt: 1_700_000_000_000,
    });
  });

  it('has no end without exp, and no name without sub and client_id', () => {
    expect(parseToken(tokenOf('{"sub":7,"exp":"soon"}'))).toMatchObject({
      names: [],
      expiresAt: Number.POSITIVE_INFINITY,
    });
  });

  it.each([
    ['a password', 'secret'],
    ['two parts', 'eyJhbGciOiJub25lIn0.e30'],
    ['no signature', 'eyJhbGciOiJub25lIn0.e30.'],
    ['four parts', `${tokenOf('{}')}.x`],
    ['a header without alg', tokenOf('{}', '{"typ":"JWT"}')],
    ['a header that is no object', tokenOf('{}', '["alg"]')],
    ['a payload that is no object', tokenOf('[]')],
    ['a payload that is no JSON', tokenOf('{"sub":}')],
    [
      'a payload that is not UTF-8',
      `${base64url('{"alg":"RS256"}')}.${Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')}.x`,
    ],
    ['plain Base64', tokenOf('{"a":"???"}').replaceAll('_', '/')],
    ['an impossible length', `${base64url('{"alg":"RS256"}')}.e30xx.x`],
  ])('is not %s', (_, text) => {
    expect(parseToken(text)).toBeUndefined();
  });

  it('agrees with another that differs in its times and ids, its spelling and its order', () => {
    expect(lastingOf('{"sub":"é","iat":1,"nbf":1,"exp":2,"jti":"a","scope":{"b":[1,2.50],"a":true}}')).toBe(
      lastingOf('{ "jti":"b", "scope":{"a":true ,"b":[1,2.50]},\n"sub":"\\u00e9", "exp":3.5 }'),
    );
  });

  it.each([
    ['another name', '{"sub":"a"}', '{"sub":"b"}'],
    ['another claim', '{"sub":"a"}', '{"sub":"a","x":null}'],
    ['another order in a list', '{"scope":["a","b"]}', '{"scope":["b","a"]}'],
    ['an id deeper down', '{"x":{"jti":"a"}}', '{"x":{"jti":"b"}}'],
    ['a number past what a double can tell apart', '{"id":9007199254740992}', '{"id":9007199254740993}'],
    ['a text that looks like two claims', '{"sub":"a\\",\\"x\\":\\"b"}', '{"sub":"a","x":"b"}'],
    ['a text instead of a number', '{"id":"1"}', '{"id":1}'],
    ['a claim of an object’s machinery', '{"__proto__":"a"}', '{"__proto__":"b"}'],
  ])('does not agree with one that has %s', (_, one, other) => {
    expect(lastingOf(one)).toBeDefined();
    expect(lastingOf(one)).not.toBe(lastingOf(other));
  });

  it.each([
    ['a name stands twice', '{"sub":"a","sub":"b"}'],
    ['a name stands twice in two spellings', '{"sub":"a","s\\u0075b":"b"}'],
    ['a name stands twice deeper down', '{"x":[{"a":1,"a":2}]}'],
    ['it is nested too deep to be compared', `{"x":${'['.repeat(500)}${']'.repeat(500)}}`],
  ])('agrees with no other where %s', (_, payload) => {
    expect(parseToken(tokenOf(payload))).toMatchObject({ lasting: undefined });
  });

  it('agrees with what JSON says is equal, whatever it holds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (claims) => {
        const spaced = JSON.stringify(Object.fromEntries(Object.entries(claims).reverse()), undefined, 1);
        expect(lastingOf(JSON.stringify(claims))).toBe(lastingOf(spaced));
      }),
    );
  });

  it('never makes it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseToken(text)));
    fc.assert(fc.property(fc.json(), (json) => void parseToken(tokenOf(json))));
  });
});

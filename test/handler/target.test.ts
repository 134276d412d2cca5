import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeSegment, splitTarget, toAddress } from '../../src/handler/target.ts';

describe('A request target', () => {
  it.each([
    ['/%2f/ex/a%20b?priority=3', '/%2f/ex/a%20b', 'priority=3'],
    ['/v/ex/', '/v/ex/', ''],
    ['/v/ex/..', '/v/ex/..', ''],
    ['/v/../w/./%2e%2e', '/v/../w/./%2e%2e', ''],
    ['//ex/key', '//ex/key', ''],
    ['/v/e/k?', '/v/e/k', ''],
    ['/v/e/k?a?b/c', '/v/e/k', 'a?b/c'],
    ['http://host:8000/v/e/k?x=1', '/v/e/k', 'x=1'],
    ['HTTPS://host/v', '/v', ''],
    ['http://host', '/', ''],
    ['http://host?x', '/', 'x'],
    ['/http://host/v', '/http://host/v', ''],
    ['/v/e/k?raw=\xff', '/v/e/k', 'raw=\xff'],
  ])('%j is split and left as it is', (target, path, query) => {
    expect(splitTarget(target)).toEqual({ ok: true, path, query });
  });

  it.each([
    ['', /starts with/],
    ['*', /starts with/],
    ['v/e/k', /starts with/],
    ['ftp://host/v', /starts with/],
    ['/v/e/a#b', /%23/],
    ['/v/e/k?a#b', /%23/],
    ['/v/e/\xe9', /percent-encoded/],
    ['/v/e/a b', /percent-encoded/],
    ['/v/e/\0', /percent-encoded/],
  ])('%j is malformed', (target, message) => {
    expect(splitTarget(target)).toEqual({ ok: false, message: expect.stringMatching(message) });
  });
});

describe('A path segment', () => {
  it.each([
    ['', ''],
    ['foo.bar.baz', 'foo.bar.baz'],
    ['%2f', '/'],
    ['%2F', '/'],
    ['%252f', '%2f'],
    ['%2525', '%25'],
    ['a+b', 'a+b'],
    ['a%20b', 'a b'],
    ['.', '.'],
    ['..', '..'],
    ['%2e%2e', '..'],
    ['%23%3F%25', '#?%'],
    ["a:b@c!$&'()*+,;=~", "a:b@c!$&'()*+,;=~"],
    ['%C3%A9', 'é'],
    ['%F0%9F%90%87', '🐇'],
    ['%EF%BB%BFx', '\ufeffx'],
    ['x'.repeat(255), 'x'.repeat(255)],
    ['%78'.repeat(255), 'x'.repeat(255)],
    ['%C3%A9'.repeat(127), 'é'.repeat(127)],
  ])('%j is decoded once', (raw, value) => {
    expect(decodeSegment(raw)).toEqual({ ok: true, value });
  });

  it.each([
    ['%', /two hex digits/],
    ['a%2', /two hex digits/],
    ['%zz', /two hex digits/],
    ['%%20', /two hex digits/],
    ['%+1', /two hex digits/],
    ['%ff', /UTF-8/],
    ['%2f%ff', /UTF-8/],
    ['%c0%af', /UTF-8/],
    ['%ed%a0%80', /UTF-8/],
    ['%e2%82', /UTF-8/],
    ['%00', /control/],
    ['%0d%0a', /control/],
    ['%09', /control/],
    ['%1f', /control/],
    ['%7f', /control/],
    ['%c2%80', /control/],
    ['%c2%9f', /control/],
    ['é', /ASCII/],
    ['x'.repeat(256), /255 bytes/],
    ['%C3%A9'.repeat(128), /255 bytes/],
  ])('%j is refused', (raw, message) => {
    expect(decodeSegment(raw)).toEqual({ ok: false, message: expect.stringMatching(message) });
  });

  it('names whatever encodeURIComponent has encoded', () => {
    const name = fc.string({ unit: 'binary', maxLength: 60 }).filter((value) => !/\p{Cc}/u.test(value));
    fc.assert(
      fc.property(name, (value) => {
        expect(decodeSegment(encodeURIComponent(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('names the bytes that were escaped, or nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const raw = Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
        const segment = decodeSegment(raw);
        if (segment.ok) expect(new TextEncoder().encode(segment.value)).toEqual(bytes);
      }),
    );
  });
});

describe('An address', () => {
  it('is three decoded segments', () => {
    expect(toAddress('%2f', 'test', 'foo.bar')).toEqual({
      ok: true,
      address: { vhost: '/', exchange: 'test', routingKey: 'foo.bar' },
    });
  });

  it('may have an empty routing key', () => {
    expect(toAddress('v', 'fanout', '')).toMatchObject({ ok: true, address: { routingKey: '' } });
  });

  it.each(['amq.default', 'amq%2edefault'])('names the default exchange %s', (exchange) => {
    expect(toAddress('v', exchange, 'queue')).toMatchObject({
      ok: true,
      address: { exchange: '', routingKey: 'queue' },
    });
  });

  it('needs a vhost', () => {
    expect(toAddress('', 'e', 'k')).toEqual({
      ok: false,
      errors: [{ field: 'vhost', message: expect.stringContaining('%2f') }],
    });
  });

  it('needs an exchange, and says how the default one is named', () => {
    expect(toAddress('v', '', 'k')).toEqual({
      ok: false,
      errors: [{ field: 'exchange', message: expect.stringContaining('amq.default') }],
    });
  });

  it('lists everything that is wrong with it', () => {
    const result = toAddress('%00', '%ff', '%');
    expect(result.ok ? [] : result.errors.map((error) => error.field)).toEqual(['vhost', 'exchange', 'routing_key']);
  });
});

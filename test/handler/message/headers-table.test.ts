import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodedTableSize, findBadRoutingKeys, toHeaderTable } from '../../../src/handler/message/headers-table.ts';
import type { HeaderValue } from '../../../src/handler/publisher.ts';

/** Tables as objects again; Object.fromEntries makes `__proto__` an own property. */
const toJson = (value: HeaderValue): unknown => {
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([name, member]) => [name, toJson(member)]));
  return Array.isArray(value) ? value.map(toJson) : value;
};

const tableOf = (json: string): unknown => {
  const result = toHeaderTable(JSON.parse(json));
  return result.ok ? result.table : result.messages;
};

const nested = (levels: number, open: string, inner: string, close: string): string =>
  `{"a":${open.repeat(levels - 1)}${inner}${close.repeat(levels - 1)}}`;

describe('A headers table', () => {
  it.each<[string, [string, HeaderValue][]]>([
    ['{}', []],
    [
      '{"a":"x","b":1,"c":1.5,"d":true,"e":null}',
      [
        ['a', 'x'],
        ['b', 1],
        ['c', 1.5],
        ['d', true],
        ['e', null],
      ],
    ],
    ['{"a":[1,["x"],{}]}', [['a', [1, ['x'], new Map()]]]],
    ['{"a":{"b":{"c":[]}}}', [['a', new Map([['b', new Map([['c', []]])]])]]],
    [
      '{"__proto__":"x","constructor":1}',
      [
        ['__proto__', 'x'],
        ['constructor', 1],
      ],
    ],
    ['{"a":{"__proto__":{"x":1}}}', [['a', new Map([['__proto__', new Map([['x', 1]])]])]]],
    [
      '{"a":9007199254740991,"b":-9007199254740991}',
      [
        ['a', 9007199254740991],
        ['b', -9007199254740991],
      ],
    ],
    [
      '{"a":""," \\u0000":"\\u0000"}',
      [
        ['a', ''],
        [' \0', '\0'],
      ],
    ],
    ['{"a":"\\ud83d\\udc07"}', [['a', '🐇']]],
    [
      '{"CC":["x"],"BCC":[],"cc":"y"}',
      [
        ['CC', ['x']],
        ['BCC', []],
        ['cc', 'y'],
      ],
    ],
  ])('is made of %s', (json, entries) => {
    expect(tableOf(json)).toEqual(new Map(entries));
  });

  it.each(['[]', '[["a",1]]', '"x"', '5', 'null', 'true'])('is not made of %s', (json) => {
    expect(tableOf(json)).toEqual(['expected a JSON object']);
  });

  it.each([
    ['{"":1}', /^: expected a name of 1 to 255 bytes/],
    ['{"a":{"":1}}', /^a\.: expected a name/],
    [`{"${'x'.repeat(256)}":1}`, /expected a name/],
    [`{"${'é'.repeat(128)}":1}`, /expected a name/],
    ['{"\\ud800":1}', /expected a name/],
    ['{"a":"\\ud800"}', /^a: .*lone surrogate/],
    ['{"a":["x","\\udc00x"]}', /^a\.1: .*lone surrogate/],
    ['{"a":1e400}', /^a: expected a finite number/],
    ['{"a":{"b":[0,-1e400]}}', /^a\.b\.1: expected a finite number/],
    ['{"a":9007199254740992}', /integers within/],
    ['{"a":9007199254740993}', /integers within/],
    ['{"a":-9007199254740992}', /integers within/],
    ['{"a":1e300}', /integers within/],
    ['{"a":-1e300}', /integers within/],
    ['{"a":1125899906842624.5}', /fractions within/],
    [nested(17, '[', '', ']'), /16 levels/],
    [nested(17, '{"b":', '{}', '}'), /16 levels/],
    [nested(20_000, '[', '', ']'), /16 levels/],
  ])('is refused for %.40s', (json, message) => {
    expect(tableOf(json)).toEqual([expect.stringMatching(message)]);
  });

  it('may have 16 levels, itself the first', () => {
    expect(tableOf(nested(16, '[', '', ']'))).toBeInstanceOf(Map);
    expect(tableOf(nested(16, '[', '1', ']'))).toBeInstanceOf(Map);
    expect(tableOf(nested(15, '{"b":', '{}', '}'))).toBeInstanceOf(Map);
  });

  it('is refused with all of the reasons, up to a sane number', () => {
    expect(tableOf('{"a":1e400,"b":"\\ud800","c":1}')).toHaveLength(2);
    expect(tableOf(`{"a":[${'1e400,'.repeat(1000)}1]}`)).toHaveLength(20);
  });

  it.each([
    ['{"CC":"x"}', ['CC']],
    ['{"CC":null}', ['CC']],
    ['{"BCC":{}}', ['BCC']],
    ['{"CC":["x",1],"BCC":5}', ['CC', 'BCC']],
    ['{"CC":[["x"]]}', ['CC']],
    ['{"CC":["x"],"BCC":["y"],"a":{"CC":1}}', []],
  ])('%s is judged for CC and BCC', (json, names) => {
    const result = toHeaderTable(JSON.parse(json));
    expect(result.ok && findBadRoutingKeys(result.table)).toEqual(names);
  });

  it('holds what the JSON said', () => {
    const number = fc.oneof(
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 49), max: 2 ** 49 }),
    );
    const leaf = fc.oneof(fc.string({ unit: 'binary' }), number, fc.boolean(), fc.constant(null));
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 });
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 5 }, leaf, tie('array'), tie('object')),
      array: fc.array(tie('any'), { maxLength: 4 }),
      object: fc.dictionary(name, tie('any'), { maxKeys: 4, noNullPrototype: true }),
    }));
    fc.assert(
      fc.property(value.object, (object) => {
        const json = JSON.parse(JSON.stringify(object));
        const result = toHeaderTable(json);
        expect(result.ok && toJson(result.table)).toEqual(json);
      }),
    );
  });

  it('never makes it throw', () => {
    fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), (json) => void toHeaderTable(json)));
  });
});

describe('The encoded size of a headers table', () => {
  // A table is a length of 4 bytes, then for each header a length byte, the name, a type byte and the value.
  it.each<[string, [string, HeaderValue][], number]>([
    ['nothing', [], 4],
    ['a void', [['a', null]], 4 + 2 + 1],
    ['a boolean', [['a', true]], 4 + 2 + 1 + 1],
    ['a string', [['a', 'xyz']], 4 + 2 + 1 + 4 + 3],
    ['UTF-8', [['é', '🐇']], 4 + 3 + 1 + 4 + 4],
    ['the least 8 bit integer', [['a', -128]], 4 + 2 + 1 + 1],
    ['the greatest 8 bit integer', [['a', 127]], 4 + 2 + 1 + 1],
    [
      '16 bit integers',
      [
        ['a', 128],
        ['b', -129],
        ['c', 32_767],
        ['d', -32_768],
      ],
      4 + 4 * (2 + 1 + 2),
    ],
    [
      '32 bit integers',
      [
        ['a', 32_768],
        ['b', -32_769],
        ['c', 2 ** 31 - 1],
        ['d', -(2 ** 31)],
      ],
      4 + 4 * (2 + 1 + 4),
    ],
    [
      '64 bit integers',
      [
        ['a', 2 ** 31],
        ['b', -(2 ** 31) - 1],
        ['c', 2 ** 53 - 1],
      ],
      4 + 3 * (2 + 1 + 8),
    ],
    [
      'fractions',
      [
        ['a', 0.5],
        ['b', -1e-300],
      ],
      4 + 2 * (2 + 1 + 8),
    ],
    ['an array', [['a', ['x', 1, null]]], 4 + 2 + 1 + (4 + (1 + 5) + (1 + 1) + 1)],
    ['a table', [['a', new Map([['b', true]])]], 4 + 2 + 1 + (4 + 2 + 1 + 1)],
  ])('with %s is known', (_, entries, size) => {
    expect(encodedTableSize(new Map(entries))).toBe(size);
  });
});

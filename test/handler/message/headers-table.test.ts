import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findBadRoutingKeys, type Integers, toHeaderTable } from '../../../src/handler/message/headers-table.ts';
import { encodedTableSize } from '../../../src/handler/message/table-size.ts';
import { MarkedJson, markNumbers } from '../../../src/handler/message/written-numbers.ts';
import type { HeaderValue } from '../../../src/handler/publisher.ts';

/** As the gateway reads a JSON text: numbers are told apart by how they are written. */
const read = (text: string): unknown => {
  const json: unknown = JSON.parse(text);
  return markNumbers(text) ?? json;
};

/** Tables as objects again; Object.fromEntries makes `__proto__` an own property. */
const toJson = (value: HeaderValue): unknown => {
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([name, member]) => [name, toJson(member)]));
  if (typeof value === 'object' && value !== null && 'type' in value && value.type === 'double') return value.value;
  return Array.isArray(value) ? value.map(toJson) : value;
};

const tableOf = (json: string, integers?: Integers): unknown => {
  const result = toHeaderTable(read(json), integers);
  return result.ok ? result.table : result.messages;
};

const two: HeaderValue = { type: 'double', value: 2 };
const three: HeaderValue = { type: 'double', value: 3 };
const four: HeaderValue = { type: 'double', value: 4 };

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
    ['{"a":12345678901234567890123}', /integers within/],
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
    const fraction = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value));
    const number = fc.oneof(fc.maxSafeInteger(), fraction);
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

describe('A number in a headers table', () => {
  it.each<[string, HeaderValue]>([
    ['0', 0],
    ['-0', 0],
    ['127', 127],
    ['9007199254740991', 2 ** 53 - 1],
    ['1.5', 1.5],
    ['2.0', { type: 'double', value: 2 }],
    ['-2.0', { type: 'double', value: -2 }],
    ['0.0', { type: 'double', value: 0 }],
    ['1e2', { type: 'double', value: 100 }],
    ['1E+2', { type: 'double', value: 100 }],
    ['15e-1', 1.5],
    ['1e300', { type: 'double', value: 1e300 }],
    ['1125899906842624.5', 1125899906842624.5],
    ['9007199254740993.0', { type: 'double', value: 9007199254740992 }],
    ['[1,2.0,[3.0,{"b":4.0}]]', [1, two, [three, new Map([['b', four]])]]],
  ])('written as %s', (literal, value) => {
    expect(tableOf(`{"x":"1.0, \\"2.0","a":${literal}}`)).toEqual(
      new Map<string, HeaderValue>([
        ['x', '1.0, "2.0'],
        ['a', value],
      ]),
    );
  });

  it.each<[string, HeaderValue]>([
    ['0', 0n],
    ['-0', 0n],
    ['127', 127n],
    ['9007199254740993', 9007199254740993n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['2.0', two],
    ['1.5', 1.5],
  ])('where all integers are long, written as %s', (literal, value) => {
    expect(tableOf(`{"a":${literal}}`, 'long')).toEqual(new Map([['a', value]]));
  });

  it.each(['9223372036854775808', '-9223372036854775809', '1e400'])('is refused as %s, however long', (literal) => {
    expect(tableOf(`{"a":${literal}}`, 'long')).toEqual([expect.stringMatching(/^a: expected a finite number/)]);
  });

  it.each<[string, HeaderValue]>([
    ['{"$numberInt":"5"}', 5],
    ['{"$numberInt":"-2147483648"}', -(2 ** 31)],
    ['{"$numberLong":"5"}', 5n],
    ['{"$numberLong":"9223372036854775807"}', 2n ** 63n - 1n],
    ['{"$numberDouble":"2.0"}', two],
    ['{"$numberDouble":"-0.0"}', { type: 'double', value: -0 }],
    ['{"$numberDouble":"1e300"}', { type: 'double', value: 1e300 }],
    ['{"$numberDecimal":"1.25"}', { type: 'decimal', digits: 125, scale: 2 }],
    ['{"$numberDecimal":"-1.250"}', { type: 'decimal', digits: -1250, scale: 3 }],
    ['{"$numberDecimal":"12E+2"}', { type: 'decimal', digits: 1200, scale: 0 }],
    ['{"$numberDecimal":"0E-255"}', { type: 'decimal', digits: 0, scale: 255 }],
    ['{"$date":"1970-01-01T00:00:05Z"}', { type: 'timestamp', seconds: 5 }],
    ['{"$date":{"$numberLong":"5999"}}', { type: 'timestamp', seconds: 5 }],
    ['{"$date":5999}', { type: 'timestamp', seconds: 5 }],
    ['{"$binary":{"base64":"AAH/","subType":"00"}}', { type: 'binary', bytes: new Uint8Array([0, 1, 255]) }],
    ['{"$binary":{"base64":""}}', { type: 'binary', bytes: new Uint8Array() }],
    ['{"$other":"5"}', new Map([['$other', '5']])],
    ['{"$numberLong":"5","b":"6"}', new Map(Object.entries({ $numberLong: '5', b: '6' }))],
  ])('says its type as %s', (json, value) => {
    expect(tableOf(`{"a":${json}}`)).toEqual(new Map([['a', value]]));
    expect(tableOf(`{"a":[${json}]}`, 'long')).toEqual(new Map([['a', [value]]]));
  });

  it.each([
    '{"$numberInt":"2147483648"}',
    '{"$numberInt":"1.5"}',
    '{"$numberLong":"9223372036854775808"}',
    '{"$numberLong":5}',
    '{"$numberLong":""}',
    '{"$numberDouble":"NaN"}',
    '{"$numberDouble":"Infinity"}',
    '{"$numberDouble":"1e400"}',
    '{"$numberDecimal":"2147483648"}',
    '{"$numberDecimal":"NaN"}',
    '{"$numberDecimal":"0E+999"}',
    '{"$date":"yesterday"}',
    '{"$date":{"$numberLong":"-1"}}',
    '{"$date":"1969-12-31T23:59:59Z"}',
    '{"$binary":{"base64":"A"}}',
    '{"$binary":{"base64":"AAAA","subType":"xyz"}}',
    '{"$binary":"AAAA"}',
  ])('is refused as %s', (json) => {
    const name = /\$\w+/.exec(json)?.[0] ?? '';
    expect(tableOf(`{"a":{"b":${json}}}`)).toEqual([expect.stringMatching(/^a\.b: expected .* for \$/)]);
    expect(String(tableOf(`{"a":{"b":${json}}}`))).toContain(name);
  });

  it('cannot be forged as a string', () => {
    const first = read('{"a":2.0}');
    const mark = first instanceof MarkedJson ? String(Reflect.get(Object(first.value), 'a')).slice(0, -3) : '';
    expect(mark).not.toBe('');
    expect(tableOf(`{"a":${JSON.stringify(`${mark}5.0`)},"b":1.0}`)).toEqual(
      new Map<string, HeaderValue>([
        ['a', `${mark}5.0`],
        ['b', { type: 'double', value: 1 }],
      ]),
    );
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
    [
      '32 bit integers',
      [
        ['a', 0],
        ['b', -1],
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
        ['d', 1n],
      ],
      4 + 4 * (2 + 1 + 8),
    ],
    [
      'fractions',
      [
        ['a', 0.5],
        ['b', -1e-300],
      ],
      4 + 2 * (2 + 1 + 8),
    ],
    [
      'values that say their type',
      [
        ['a', { type: 'double', value: 2 }],
        ['b', { type: 'timestamp', seconds: 5 }],
        ['c', { type: 'decimal', digits: 125, scale: 2 }],
        ['d', { type: 'binary', bytes: new Uint8Array(3) }],
      ],
      4 + 2 * (2 + 1 + 8) + (2 + 1 + 5) + (2 + 1 + 4 + 3),
    ],
    ['an array', [['a', ['x', 1, null]]], 4 + 2 + 1 + (4 + (1 + 5) + (1 + 4) + 1)],
    ['a table', [['a', new Map([['b', true]])]], 4 + 2 + 1 + (4 + 2 + 1 + 1)],
  ])('with %s is known', (_, entries, size) => {
    expect(encodedTableSize(new Map(entries))).toBe(size);
  });
});

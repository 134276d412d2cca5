import { describe, expect, it } from 'vitest';
import { isHeaderField, readHeaderFields } from '../../../src/handler/message/header-fields.ts';
import type { HeaderValue } from '../../../src/handler/publisher.ts';

const encoder = new TextEncoder();

/** `headers[a]=x` written in one string, the name up to the first equals sign. */
const read = (...fields: string[]) =>
  readHeaderFields(
    fields.map((field) => {
      const at = field.indexOf('=');
      return { name: field.slice(0, at), value: encoder.encode(field.slice(at + 1)) };
    }),
  );

/** Tables as entries, so that expectations are short. */
const plain = (value: HeaderValue): unknown => {
  if (value instanceof Map) return { table: Array.from(value, ([name, member]) => [name, plain(member)]) };
  return Array.isArray(value) ? value.map(plain) : value;
};

const headersOf = (...fields: string[]): unknown => {
  const { headers, errors } = read(...fields);
  expect(errors).toEqual([]);
  return Array.from(headers, ([name, { value }]) => [name, plain(value)]);
};

describe('Header fields', () => {
  it.each<[string[], unknown]>([
    [[], []],
    [['headers[a]=x'], [['a', 'x']]],
    [['headers[a]='], [['a', '']]],
    [
      ['headers[x-y]=1', 'headers[x_y]=2'],
      [
        ['x-y', '1'],
        ['x_y', '2'],
      ],
    ],
    [['headers[a]=1', 'headers[a]=2'], [['a', '2']]],
    [
      ['headers[__proto__]=x', 'headers[constructor]=y'],
      [
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ],
    ],
    [
      ['headers[a]=true', 'headers[b]=5'],
      [
        ['a', 'true'],
        ['b', '5'],
      ],
    ],
    [['headers[é ]=\ufeff\0'], [['é ', '\ufeff\0']]],
    [
      ['headers[0]=x', 'headers[1]=y'],
      [
        ['0', 'x'],
        ['1', 'y'],
      ],
    ],
    [['headers[a[b]=x'], [['a[b', 'x']]],
  ])('%j are strings by name', (fields, headers) => {
    expect(headersOf(...fields)).toEqual(headers);
  });

  it.each<[string[], unknown]>([
    [['headers[a][]=x'], ['x']],
    [
      ['headers[a][]=x', 'headers[a][]=y', 'headers[a][]=x'],
      ['x', 'y', 'x'],
    ],
    [
      ['headers[a][0]=x', 'headers[a][1]=y'],
      ['x', 'y'],
    ],
    [
      ['headers[a][1]=y', 'headers[a][0]=x'],
      ['x', 'y'],
    ],
    [
      ['headers[a][0]=x', 'headers[a][]=y'],
      ['x', 'y'],
    ],
    [['headers[a][0]=x', 'headers[a][0]=y'], ['y']],
    [
      ['headers[a][0][0]=x', 'headers[a][0][1]=y', 'headers[a][1][]=z'],
      [['x', 'y'], ['z']],
    ],
    [
      ['headers[a][0][k]=x', 'headers[a][1][k]=y'],
      [{ table: [['k', 'x']] }, { table: [['k', 'y']] }],
    ],
    [
      ['headers[a][][k]=x', 'headers[a][][k]=y'],
      [{ table: [['k', 'x']] }, { table: [['k', 'y']] }],
    ],
  ])('%j make an array', (fields, value) => {
    expect(headersOf(...fields)).toEqual([['a', value]]);
  });

  it.each<[string[], unknown]>([
    [['headers[a][b]=x'], [['b', 'x']]],
    [
      ['headers[a][b]=x', 'headers[a][c]=y', 'headers[a][b]=z'],
      [
        ['b', 'z'],
        ['c', 'y'],
      ],
    ],
    [['headers[a][b][c]=x'], [['b', { table: [['c', 'x']] }]]],
    [['headers[a][__proto__][x]=y'], [['__proto__', { table: [['x', 'y']] }]]],
    [['headers[a][1]=x'], [['1', 'x']]],
    [
      ['headers[a][0]=x', 'headers[a][2]=y'],
      [
        ['0', 'x'],
        ['2', 'y'],
      ],
    ],
    [['headers[a][00]=x'], [['00', 'x']]],
    [['headers[a][-1]=x'], [['-1', 'x']]],
    [
      ['headers[a][0]=x', 'headers[a][b]=y'],
      [
        ['0', 'x'],
        ['b', 'y'],
      ],
    ],
    [
      ['headers[a][b]=x', 'headers[a][]=y'],
      [
        ['b', 'x'],
        ['0', 'y'],
      ],
    ],
    [
      ['headers[a][5]=x', 'headers[a][]=y'],
      [
        ['5', 'x'],
        ['6', 'y'],
      ],
    ],
    [
      ['headers[a][999999999999999]=x', 'headers[a][]=y', 'headers[a][]=z'],
      [
        ['999999999999999', 'x'],
        ['1000000000000000', 'y'],
        ['1000000000000001', 'z'],
      ],
    ],
    [['headers[a][4294967295]=x'], [['4294967295', 'x']]],
  ])('%j make a table', (fields, entries) => {
    expect(headersOf(...fields)).toEqual([['a', { table: entries }]]);
  });

  it.each<[string[], unknown]>([
    [['headers[a]=1', 'headers[a][b]=2'], { table: [['b', '2']] }],
    [['headers[a][b]=1', 'headers[a]=2'], '2'],
    [['headers[a][b]=1', 'headers[a]=2', 'headers[a][c]=3'], { table: [['c', '3']] }],
    [['headers[a][b]=1', 'headers[a][b][]=2'], { table: [['b', ['2']]] }],
  ])('%j conflict, and the last wins', (fields, value) => {
    expect(headersOf(...fields)).toEqual([['a', value]]);
  });

  it.each([
    ['headers[]', /1 to 255/],
    ['headers[][a]', /1 to 255/],
    ['headers[', /headers\[name\]/],
    ['headers[a', /headers\[name\]/],
    ['headers[a]b', /headers\[name\]/],
    ['headers[a]]', /headers\[name\]/],
    ['headers[a][', /headers\[name\]/],
    ['headers[a][b', /headers\[name\]/],
    ['headers[a]b[c]', /headers\[name\]/],
    ['headers[a[b]]', /headers\[name\]/],
    [`headers[${'x'.repeat(256)}]`, /1 to 255/],
    [`headers[a][${'é'.repeat(128)}]`, /1 to 255/],
    [`headers${'[a]'.repeat(17)}`, /16 levels/],
    [`headers${'[a]'.repeat(100_000)}`, /16 levels/],
  ])('%.30s is refused under its own name', (name, message) => {
    const { headers, errors } = read(`${name}=x`, 'headers[ok]=1');
    expect(errors).toEqual([
      { field: expect.stringContaining(name.slice(0, 300)), message: expect.stringMatching(message) },
    ]);
    expect(Array.from(headers.keys())).toEqual(['ok']);
  });

  it('may have names of 255 bytes and 16 levels', () => {
    expect(headersOf(`headers[${'x'.repeat(255)}]=1`)).toHaveLength(1);
    expect(headersOf(`headers${'[a]'.repeat(16)}=1`)).toHaveLength(1);
  });

  it('hold UTF-8', () => {
    const { errors } = readHeaderFields([{ name: 'headers[a]', value: Uint8Array.from([0xff]) }]);
    expect(errors).toEqual([{ field: 'headers[a]', message: 'expected UTF-8' }]);
  });

  it('remember under which name each header was written last', () => {
    expect(read('headers[a][x]=1', 'headers[a][y]=1').headers.get('a')?.field).toBe('headers[a][y]');
  });

  it('are told from other fields by their first bracket', () => {
    expect(isHeaderField('headers[a]')).toBe(true);
    expect(isHeaderField('headers[')).toBe(true);
    expect(isHeaderField('headers')).toBe(false);
    expect(isHeaderField('Headers[a]')).toBe(false);
    expect(isHeaderField('xheaders[a]')).toBe(false);
  });
});

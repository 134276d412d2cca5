/**
 * Types of headers: which ones are on the wire, and what the client libraries of Python, PHP, Ruby and Java make of them.
 * A message that was asked for as RabbitMQ's own management API does must be the same message as through that API.
 */
import amqp from 'amqplib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { GatewayProcess } from '../support/gateway.ts';
import { Audience } from './support/audience.ts';
import { brokers, type OpenBroker } from './support/brokers.ts';
import { type Consumer, consumers, type Reading } from './support/consumers.ts';
import { readingOf } from './support/decoders.ts';
import { publishValue, type Way } from './support/ways.ts';
import type { Wire } from './support/wire.ts';

/** A header as JSON has it, and what it is on the wire. */
interface Header {
  readonly json: string;
  readonly wire: Wire;
  /** Where the management API's publish call is asked, which knows one type of integer. */
  readonly managed?: Wire;
}

const int = (value: bigint): Header => {
  const fits = value >= -(2n ** 31n) && value < 2n ** 31n;
  return { json: String(value), wire: `${fits ? 'I' : 'l'} ${value}`, managed: `l ${value}` };
};

const INTEGERS = [
  0n,
  1n,
  -1n,
  5n,
  127n,
  128n,
  -128n,
  -129n,
  200n,
  255n,
  256n,
  1000n,
  32_767n,
  32_768n,
  -32_769n,
  40_000n,
  65_535n,
  65_536n,
  2n ** 31n - 1n,
  2n ** 31n,
  -(2n ** 31n),
  -(2n ** 31n) - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  -(2n ** 53n) + 1n,
];

/** JSON can say these; a form and a batch take no integer beyond ±(2^53 − 1), for most JSON encoders round them. */
const LARGE_INTEGERS = [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)];

const arrayOf = (headers: readonly Header[]): Header => ({
  json: `[${headers.map(({ json }) => json).join(', ')}]`,
  wire: headers.map(({ wire }) => wire),
  managed: headers.map(({ wire, managed = wire }) => managed),
});

const VALUES: readonly Header[] = [
  ...INTEGERS.map(int),
  arrayOf(INTEGERS.map(int)),
  // Celery's, of a task with limits.
  arrayOf([int(300n), int(240n)]),
  { json: '2.0', wire: 'd 2' },
  { json: '1.5', wire: 'd 1.5' },
  { json: '-1.25', wire: 'd -1.25' },
  { json: '1e300', wire: 'd 1e+300' },
  { json: '-0.0', wire: 'd -0' },
  { json: '0.1', wire: 'd 0.1' },
  { json: '1e2', wire: 'd 100' },
  { json: '5e-324', wire: 'd 5e-324' },
  { json: 'true', wire: 't true' },
  { json: 'false', wire: 't false' },
  { json: '""', wire: 'S ' },
  { json: '"text"', wire: 'S text' },
  { json: '"200"', wire: 'S 200' },
  { json: '"Zoë 🚀 \\u0000\\n"', wire: 'S Zoë 🚀 \0\n' },
  { json: '[]', wire: [] },
  { json: '{}', wire: {} },
  {
    json: '{"a": {"b": [1, {"c": 200}, [true, "x", 2.5]]}, "ë": -1}',
    wire: { a: { b: ['I 1', { c: 'I 200' }, ['t true', 'S x', 'd 2.5']] }, ë: 'I -1' },
    managed: { a: { b: ['l 1', { c: 'l 200' }, ['t true', 'S x', 'd 2.5']] }, ë: 'l -1' },
  },
];

/** The management API refuses them. (bunny loses one that ends its table and takes less than four bytes there.) */
const NULLS: readonly Header[] = [
  { json: 'null', wire: 'V' },
  { json: '[null, {"none": null}]', wire: ['V', { none: 'V' }] },
];

/** https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/, version 2. */
const EXTENDED: readonly Header[] = [
  { json: '{"$numberLong": "5"}', wire: 'l 5' },
  ...LARGE_INTEGERS.map((value) => ({ json: `{"$numberLong": "${value}"}`, wire: `l ${value}` })),
  { json: '{"$numberInt": "5"}', wire: 'I 5' },
  { json: '{"$numberInt": "-2147483648"}', wire: 'I -2147483648' },
  { json: '{"$numberDouble": "2.0"}', wire: 'd 2' },
  { json: '{"$numberDouble": "-0.0"}', wire: 'd -0' },
  { json: '{"$numberDecimal": "1.25"}', wire: 'D 125e-2' },
  { json: '{"$date": "2023-11-14T22:13:20Z"}', wire: 'T 1700000000' },
  { json: '{"$date": {"$numberLong": "1700000000000"}}', wire: 'T 1700000000' },
  { json: '{"$binary": {"base64": "AP/+", "subType": "00"}}', wire: 'x AP/+' },
  { json: '{"$binary": {"base64": "AP/+"}}', wire: 'x AP/+' },
  { json: '[{"$numberLong": "5"}, {"a": {"$numberInt": "5"}}]', wire: ['l 5', { a: 'I 5' }] },
];

/** Integers that the management API takes, and which only its own route takes here. */
const MANAGED = [...VALUES, ...LARGE_INTEGERS.map(int)];

const managedWire = ({ wire, managed = wire }: Header): Wire => managed;

/** What a form and a batch cannot carry. */
const IMPOSSIBLE = [
  ...LARGE_INTEGERS.map(String),
  '1e400',
  '{"$numberLong": "9223372036854775808"}',
  '{"$numberLong": "many"}',
  '{"$numberInt": "2147483648"}',
  '{"$numberDouble": "Infinity"}',
  '{"$numberDecimal": "12345678901234567890"}',
  '{"$date": "yesterday"}',
  '{"$binary": {"base64": "?"}}',
];

describe.each(brokers)('through %s', (_, open) => {
  let broker: OpenBroker;
  let audience: Audience;
  let gateway: GatewayProcess;
  const published: string[] = [];
  const refused: string[] = [];
  let wires: readonly Record<string, Wire>[];
  let readings: ReadonlyMap<Consumer, readonly Reading[]>;

  beforeAll(async () => {
    broker = await open();
    audience = await Audience.gather(broker.ports);
    gateway = await GatewayProcess.start({ broker: broker.ports });
    const { topology } = audience;
    const { username, password } = topology.user;
    await topology.api('PUT', `/users/${username}`, { password, tags: 'management' });
    const publish = async (way: Way, all: readonly Header[]) => {
      const where = { topology, gatewayPort: gateway.port, exchange: 'world' };
      for (const { json } of all) {
        const { status, text } = await publishValue(way, where, json);
        if (status < 300) published.push(`${way} ${json}`);
        else refused.push(`${way} ${json}: ${status} ${text}`);
      }
    };
    await publish('form', [...VALUES, ...NULLS, ...EXTENDED]);
    await publish('batch', [...VALUES, ...NULLS, ...EXTENDED]);
    await publish('management', [...MANAGED, ...EXTENDED]);
    await publish('RabbitMQ', MANAGED);
    [wires, readings] = await Promise.all([audience.wire(), audience.read(published.length)]);
  });
  afterAll(async () => {
    await gateway?.stop();
    await audience?.dismiss();
    await broker?.close();
  });

  const wire = (way: Way, { json }: Header): Wire => wires[published.indexOf(`${way} ${json}`)]?.value ?? 'no header';
  const reading = (consumer: Consumer, way: Way, { json }: Header): unknown => {
    const found = readings.get(consumer)?.[published.indexOf(`${way} ${json}`)] ?? { failed: 'no message' };
    return 'failed' in found ? found : found.headers.value;
  };
  const compare = (all: readonly Header[], found: (header: Header) => unknown, expected: (header: Header) => unknown) =>
    expect(all.map((header) => [header.json, found(header)])).toEqual(
      all.map((header) => [header.json, expected(header)]),
    );

  it('every post is confirmed', () => {
    expect(refused).toEqual([]);
  });

  describe.each(['form', 'batch'] as const)('the headers of a %s', (way) => {
    it('have on the wire the types that JSON tells apart', () => {
      compare(
        [...VALUES, ...NULLS],
        (header) => wire(way, header),
        ({ wire: expected }) => expected,
      );
    });

    it("have on the wire the types that MongoDB's Extended JSON names", () => {
      compare(
        EXTENDED,
        (header) => wire(way, header),
        ({ wire: expected }) => expected,
      );
    });

    it.each(IMPOSSIBLE)('are refused where no type holds them: %s', async (json) => {
      const where = { topology: audience.topology, gatewayPort: gateway.port, exchange: 'world' };
      const { status, text } = await publishValue(way, where, json);
      expect(status).toBe(400);
      expect(text).toContain('value: expected ');
    });

    it.each(consumers)('arrive in %s', (consumer) => {
      const all = [...VALUES, ...NULLS, ...EXTENDED];
      compare(
        all,
        (header) => reading(consumer, way, header),
        ({ wire: expected }) => readingOf(consumer, expected),
      );
    });
  });

  describe("the headers of the management API's publish call", () => {
    it('have on the wire the types that RabbitMQ gives them itself', () => {
      compare(MANAGED, (header) => wire('RabbitMQ', header), managedWire);
      compare(MANAGED, (header) => wire('management', header), managedWire);
    });

    it("have on the wire the types that MongoDB's Extended JSON names", () => {
      compare(
        EXTENDED,
        (header) => wire('management', header),
        ({ wire: expected }) => expected,
      );
    });

    it.each(consumers)('arrive in %s as those that RabbitMQ publishes itself', (consumer) => {
      const expected = (header: Header) => readingOf(consumer, managedWire(header));
      compare(MANAGED, (header) => reading(consumer, 'RabbitMQ', header), expected);
      compare(MANAGED, (header) => reading(consumer, 'management', header), expected);
    });
  });

  describe('an exchange that spreads messages by a header', () => {
    const KEYS = INTEGERS.map(String);

    /** The queue of eight that each message went to, by its body. */
    const spread = async (name: string, publish: (exchange: string, key: string) => Promise<unknown>) => {
      const { topology } = audience;
      const exchange = await topology.exchange(name, 'x-consistent-hash', { arguments: { 'hash-header': 'value' } });
      const queues = Array.from({ length: 8 }, (_unused, index) => `${name} ${index}`);
      for (const queue of queues) {
        await topology.queue(queue);
        await topology.bind(exchange, queue, '10');
      }
      for (const key of KEYS) await publish(exchange, key);
      const found = new Map<string, number>();
      for (const [index, queue] of queues.entries())
        for (const { content } of await topology.drain(queue)) found.set(content.toString(), index);
      return KEYS.map((key) => [key, found.get(key)]);
    };
    const through = (way: Way) => (exchange: string, json: string) =>
      publishValue(way, { topology: audience.topology, gatewayPort: gateway.port, exchange }, json);

    it("sends what the management API's publish call is asked for where RabbitMQ's own does", async () => {
      const expected = await spread('managed by RabbitMQ', through('RabbitMQ'));
      expect(expected.map(([, index]) => index)).not.toContain(undefined);
      expect(await spread('managed', through('management'))).toEqual(expected);
    });

    it('sends a form to where an AMQP publisher of 32-bit and 64-bit integers does', async () => {
      const { broker, segment: vhost, user } = audience.topology;
      const connection = await amqp.connect({ hostname: '127.0.0.1', port: broker.port, vhost, ...user });
      onTestFinished(() => connection.close());
      const channel = await connection.createConfirmChannel();
      const expected = await spread('published', async (exchange, key) => {
        const fits = BigInt.asIntN(32, BigInt(key)) === BigInt(key);
        const value = { '!': fits ? 'int32' : 'int64', value: Number(key) };
        channel.publish(exchange, '', Buffer.from(key), { headers: { value } });
        await channel.waitForConfirms();
      });
      expect(expected.map(([, index]) => index)).not.toContain(undefined);
      expect(await spread('posted', through('form'))).toEqual(expected);
    });
  });
});

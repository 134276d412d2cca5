import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentHeaderSize, publishFrames } from '../../src/adapter/amqp/publish-frames.ts';
import type { HeaderValue, Properties } from '../../src/handler/publisher.ts';

/** Another library's decoder, which has no types. */
const DEFINITIONS = fileURLToPath(new URL('../../node_modules/amqplib/lib/defs.js', import.meta.url));
const { decode } = createRequire(import.meta.url)(DEFINITIONS);

const METHOD = 1;
const HEADER = 2;
const BODY = 3;

interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly content: Buffer;
}

function framesIn(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 7 + bytes.readUInt32BE(at + 3);
    frames.push({
      type: bytes.readUInt8(at),
      channel: bytes.readUInt16BE(at + 1),
      content: bytes.subarray(at + 7, end),
    });
    expect(bytes[end]).toBe(0xce);
    at = end + 1;
  }
  return frames;
}

const shortText = fc.string({ unit: 'binary', maxLength: 60 });
const headerValue = fc.letrec<{ any: HeaderValue; array: HeaderValue[]; table: Map<string, HeaderValue> }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    fc.boolean(),
    fc.constant(null),
    tie('array'),
    tie('table'),
  ),
  array: fc.array(tie('any'), { maxLength: 4 }),
  table: fc
    .array(fc.tuple(fc.string({ minLength: 1, maxLength: 20 }), tie('any')), { maxLength: 4 })
    .map((entries) => new Map(entries.filter(([name]) => name !== '__proto__'))),
}));
const properties: fc.Arbitrary<Properties> = fc.record(
  {
    deliveryMode: fc.constantFrom(1 as const, 2 as const),
    headers: headerValue.table,
    contentType: shortText,
    contentEncoding: shortText,
    priority: fc.nat(255),
    correlationId: shortText,
    replyTo: shortText,
    expiration: fc.nat().map(String),
    messageId: shortText,
    timestamp: fc.maxSafeInteger().filter((seconds) => seconds >= 0),
    type: shortText,
    userId: shortText,
    appId: shortText,
    clusterId: shortText,
  },
  { requiredKeys: ['deliveryMode'] },
);

const plain = (value: unknown): unknown => {
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
  return Array.isArray(value) ? value.map(plain) : value;
};

describe('The frames of a message', () => {
  test('are what another library reads again, in frames of the agreed size', () => {
    const frameMax = fc.constantFrom(4096, 131_072);
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc
        .constantFrom(4087, 4088, 4089, 8176, 16_384, 16_385, 131_064, 131_065, 300_000)
        .map((n) => new Uint8Array(n).fill(7)),
    );
    fc.assert(
      fc.property(
        properties,
        body,
        frameMax,
        fc.integer({ min: 1, max: 65_535 }),
        fc.boolean(),
        (props, bytes, max, channel, mandatory) => {
          fc.pre(contentHeaderSize(props) <= max);
          const address = { vhost: '/', exchange: 'é', routingKey: 'k' };
          const publishing = { channel, address, properties: props, mandatory, body: bytes };
          const [method, header, ...parts] = framesIn(Buffer.concat(publishFrames(publishing, max)));
          expect([method, header, ...parts].map((frame) => frame?.channel)).toEqual(
            Array(parts.length + 2).fill(channel),
          );
          expect([method?.type, header?.type, ...parts.map(({ type }) => type)]).toEqual([
            METHOD,
            HEADER,
            ...parts.map(() => BODY),
          ]);
          expect(Buffer.concat(parts.map(({ content }) => content)).equals(bytes)).toBe(true);
          for (const { content } of parts) expect(content.length).toBeLessThanOrEqual(max - 8);
          expect(method?.content.readUInt32BE(0)).toBe(0x3c0028);
          expect(decode(0x3c0028, method?.content.subarray(4))).toMatchObject({
            exchange: 'é',
            routingKey: 'k',
            mandatory,
            immediate: false,
          });
          expect(header?.content.length).toBe(contentHeaderSize(props));
          expect(header?.content.readBigUInt64BE(4)).toBe(BigInt(bytes.length));
          const stated = Object.fromEntries(Object.entries(props).map(([name, value]) => [name, plain(value)]));
          expect(decode(60, header?.content.subarray(12))).toMatchObject(stated);
        },
      ),
    );
  });
});

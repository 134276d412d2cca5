/**
 * What became of bodies and properties, read by the client libraries that programs in Python, PHP, Ruby and Java use:
 * each message goes to a queue of each of them. The programs are in consumers/; types.test.ts is about headers.
 */
import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway.ts';
import { type Call, FORM, http } from '../support/http.ts';
import { Audience } from './support/audience.ts';
import { brokers, type OpenBroker } from './support/brokers.ts';
import { type Consumer, consumers, type Description, type Reading } from './support/consumers.ts';

const ALL_BYTES = Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => byte));
const NOT_UTF8 = Buffer.from('00ff00c328fffe0d0a0d0a00', 'hex');
const MEBIBYTE = randomBytes(1024 * 1024);
const TEXT = 'Zoë said: "no" & 100 % 🚀\r\n';
const NDJSON = { 'content-type': 'application/x-ndjson' };

/** Every byte as three characters: what no client needs, and any may do. */
const percent = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

const urlencoded = (fields: string): Call => ({ headers: FORM, body: fields });

function multipart(parts: readonly (readonly [name: string, content: Uint8Array | string, file?: string])[]): Call {
  const chunks = parts.map(([name, content, file]) => {
    const disposition = `form-data; name="${name}"${file === undefined ? '' : `; filename="${file}"`}`;
    const type = file === undefined ? '' : 'Content-Type: application/octet-stream\r\n';
    const head = `--B\r\nContent-Disposition: ${disposition}\r\n${type}\r\n`;
    return Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from('\r\n')]);
  });
  const body = Buffer.concat([...chunks, Buffer.from('--B--\r\n')]);
  return { headers: { 'content-type': 'multipart/form-data; boundary=B' }, body };
}

const batch = (message: object): Call => ({ headers: NDJSON, body: `${JSON.stringify(message)}\n` });

/** The path after the exchange decides on the route. */
interface Post {
  readonly name: string;
  readonly call: Call;
  readonly route?: 'one' | 'batch' | 'management';
  readonly query?: string;
}

const management = (fields: object): Call => ({
  body: JSON.stringify({ routing_key: '', properties: {}, payload: '', payload_encoding: 'string', ...fields }),
});

const bodies: readonly (Post & { readonly body: Uint8Array | string; readonly properties?: Expected })[] = [
  { name: 'raw', call: { body: ALL_BYTES }, body: ALL_BYTES },
  { name: 'raw with NUL and what is not UTF-8', call: { body: NOT_UTF8 }, body: NOT_UTF8 },
  { name: 'raw, of 1 MiB', call: { body: MEBIBYTE }, body: MEBIBYTE },
  { name: 'raw, of 1 MiB, in chunks', call: { body: MEBIBYTE, chunked: true }, body: MEBIBYTE },
  { name: 'raw, of 0 bytes', call: {}, body: '' },
  {
    name: 'raw, with its type and encoding',
    call: { headers: { 'content-type': 'text/plain; charset=utf-8', 'content-encoding': 'gzip' }, body: gzipSync('x') },
    body: gzipSync('x'),
    properties: { content_type: 'string text/plain; charset=utf-8', content_encoding: 'string gzip' },
  },
  { name: "the query string's", call: {}, query: '?body=h%69+there', body: 'hi there' },
  { name: 'urlencoded', call: urlencoded(new URLSearchParams({ body: TEXT }).toString()), body: TEXT },
  { name: 'urlencoded, of all bytes', call: urlencoded(`body=${percent(ALL_BYTES)}`), body: ALL_BYTES },
  { name: 'urlencoded, of 0 bytes', call: urlencoded('body='), body: '' },
  {
    name: 'urlencoded, of 1 MiB',
    call: urlencoded(`body=${MEBIBYTE.toString('base64url')}`),
    body: MEBIBYTE.toString('base64url'),
  },
  {
    name: 'urlencoded and compressed',
    call: { headers: { ...FORM, 'content-encoding': 'gzip' }, body: gzipSync('body=hi') },
    body: 'hi',
  },
  { name: 'a multipart field', call: multipart([['body', TEXT]]), body: TEXT },
  { name: 'a multipart field of all bytes', call: multipart([['body', ALL_BYTES]]), body: ALL_BYTES },
  { name: 'a multipart field of 0 bytes', call: multipart([['body', '']]), body: '' },
  { name: 'an uploaded file', call: multipart([['body', NOT_UTF8, 'a.bin']]), body: NOT_UTF8 },
  { name: 'an uploaded file of 1 MiB', call: multipart([['body', MEBIBYTE, 'b.bin']]), body: MEBIBYTE },
  { name: 'text of a batch', route: 'batch', call: batch({ routing_key: '', body: TEXT }), body: TEXT },
  { name: 'empty text of a batch', route: 'batch', call: batch({ routing_key: '', body: '' }), body: '' },
  {
    name: 'base64 of a batch',
    route: 'batch',
    call: batch({ routing_key: '', body_base64: ALL_BYTES.toString('base64') }),
    body: ALL_BYTES,
  },
  { name: "the management API's text", route: 'management', call: management({ payload: TEXT }), body: TEXT },
  {
    name: "the management API's base64",
    route: 'management',
    call: management({ payload: MEBIBYTE.toString('base64'), payload_encoding: 'base64' }),
    body: MEBIBYTE,
  },
];

type Expected = Readonly<Record<string, Description>>;

const PROPERTIES = {
  app_id: 'Zoë’s 🚀',
  content_encoding: 'identity',
  content_type: 'application/vnd.zoë+json',
  correlation_id: 'c-1',
  delivery_mode: 2,
  expiration: '86400000',
  message_id: '8d8ac2e8-2f1f-4c0e-9a4e-2c5c5a0f4f0e',
  priority: 255,
  reply_to: 'replies to me',
  timestamp: 1_700_000_000,
  type: 'order.created',
};

const propertiesAs = (user: string): readonly Post[] => {
  const properties = { ...PROPERTIES, user_id: user };
  const fields = Object.entries(properties).map(([name, value]): [string, string] => [name, String(value)]);
  const query = new URLSearchParams(fields).toString();
  return [
    { name: 'of a form', call: urlencoded(`body=&${query}`) },
    { name: 'of a form with dashes', call: urlencoded(`body=&${query.replaceAll(/([a-z])_([a-z]+=)/g, '$1-$2')}`) },
    { name: 'of a multipart form', call: multipart([['body', ''], ...fields]) },
    { name: 'of the query string', call: {}, query: `?${query}` },
    {
      name: 'of a batch',
      route: 'batch',
      call: batch({ routing_key: '', body: '', ...properties, expiration: Number(properties.expiration) }),
    },
    { name: 'of the management API', route: 'management', call: management({ properties }) },
  ];
};

/** What a library makes of a timestamp, which is seconds on the wire. */
const SECONDS: Readonly<Record<Consumer, 'int' | 'time'>> = {
  'py-amqp': 'int',
  kombu: 'int',
  pika: 'int',
  'php-amqplib': 'int',
  "PHP's amqp extension": 'int',
  bunny: 'time',
  'the Java client': 'time',
};

describe.each(brokers)('through %s', (_, open) => {
  let broker: OpenBroker;
  let audience: Audience;
  let gateway: GatewayProcess;
  let readings: ReadonlyMap<Consumer, readonly Reading[]>;
  const published: string[] = [];
  const refused: string[] = [];

  beforeAll(async () => {
    broker = await open();
    audience = await Audience.gather(broker.ports);
    gateway = await GatewayProcess.start({ broker: broker.ports });
    const posts = [...bodies, ...propertiesAs(audience.topology.user.username)];
    const { segment, user } = audience.topology;
    const paths = {
      one: `/${segment}/world/`,
      batch: `/${segment}/world`,
      management: `/api/exchanges/${segment}/world/publish`,
    };
    for (const { name, call, route = 'one', query = '' } of posts) {
      const answer = await http(gateway.port, paths[route] + query, { ...call, user });
      if (answer.status < 300) published.push(name);
      else refused.push(`${name}: ${answer.status} ${answer.text}`);
    }
    readings = await audience.read(published.length);
  });
  afterAll(async () => {
    await gateway?.stop();
    await audience?.dismiss();
    await broker?.close();
  });

  it('every post is confirmed', () => {
    expect(refused).toEqual([]);
  });

  describe.each(consumers)('%s reads', (consumer) => {
    const read = (post: Post): Reading =>
      readings.get(consumer)?.[published.indexOf(post.name)] ?? { failed: 'no message' };

    it('every body byte for byte, and its type and encoding where it has them', () => {
      const all = bodies.map((post) => [post.name, summary(read(post))]);
      const expected = bodies.map(({ name, body, properties = {} }) => [
        name,
        summary({ body: Buffer.from(body), properties: { delivery_mode: 'int 1', ...properties }, headers: {} }),
      ]);
      expect(all).toEqual(expected);
    });

    it('every property, in whichever way it was given', () => {
      const { username } = audience.topology.user;
      const given = propertiesAs(username);
      const expected = {
        ...PROPERTIES,
        user_id: username,
      };
      const described = {
        ...Object.fromEntries(
          Object.entries(expected).map(([name, value]) => [
            name,
            `${typeof value === 'number' ? 'int' : 'string'} ${value}`,
          ]),
        ),
        timestamp: `${SECONDS[consumer]} ${PROPERTIES.timestamp}`,
      };
      expect(given.map((post) => [post.name, read(post)])).toMatchObject(
        given.map(({ name }) => [name, { properties: described }]),
      );
    });
  });
});

/** Long bodies by their length and a digest. */
function summary(reading: Reading): unknown {
  if ('failed' in reading) return reading;
  const { body, properties } = reading;
  // RabbitMQ's interceptor stamps what has no timestamp.
  const { timestamp: _, ...others } = properties;
  const content = body.length <= 300 ? body.toString('base64') : createHash('sha256').update(body).digest('base64');
  return { bytes: body.length, content, ...others };
}

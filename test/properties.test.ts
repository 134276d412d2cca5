import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, http } from './support/http.ts';
import { propertiesOf, Topology } from './support/topology.ts';

const RUNS = 100;

const STATUSES = [200, 202, 204, 400, 401, 403, 404, 405, 408, 413, 415, 417, 429, 431, 503, 504];

/** Every answer keeps the contract, whatever it is about. */
function expectInContract(answer: Answer): void {
  const { status, headers } = answer;
  expect(STATUSES).toContain(status);
  expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
  if (status < 400) return;
  expect(headers['content-type']).toBe('application/problem+json');
  const { problem } = answer;
  const { type, published } = problem;
  expect(problem).toMatchObject({ status, title: expect.any(String), request_id: headers['x-request-id'] });
  expect(headers['statelessd-error']).toBe(`${type?.replace('urn:statelessd:', '')}; published=${published}`);
  expect(['no', 'unknown']).toContain(published);
}

describe('whatever a client says', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let path: string;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    path = `/${topology.segment}/x/k`;
    gateway = await GatewayProcess.start();
  });
  afterAll(async () => {
    expect(gateway.stderr).not.toMatch(/a bug|died/);
    await gateway.stop();
    await topology.delete();
  });

  const holds = <T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => Promise<void>): Promise<void> =>
    fc.assert(fc.asyncProperty(arbitrary, check), { numRuns: RUNS });

  /** What an HTTP client can put into a request line. */
  const segment = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'aZ09%2fF.~!$&()*+,;=:@[]{}|^`\\"<>') }),
    fc.string({ unit: 'binary', maxLength: 30 }).map((text) => encodeURIComponent(text)),
    fc
      .uint8Array({ maxLength: 12 })
      .map((bytes) => [...bytes].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('')),
  );

  it('of paths: the answer is in the contract', () =>
    holds(fc.array(segment, { maxLength: 5 }), async (segments) => {
      const target = `/${segments.join('/')}`;
      expectInContract(await http(gateway.port, target, { user: topology.user, body: 'm' }));
    }));

  it('of routing keys: that is the one the message has', () =>
    holds(fc.string({ unit: 'binary', maxLength: 60 }), async (key) => {
      const target = `/${topology.segment}/x/${encodeURIComponent(key)}`;
      const answer = await http(gateway.port, target, { user: topology.user, body: 'm' });
      expectInContract(answer);
      const keys = (await topology.drain()).map(({ fields }) => fields.routingKey);
      expect(keys).toEqual(answer.status === 204 ? [key] : []);
    }));

  it('of credentials: nobody else is let in, and the answer is in the contract', () =>
    holds(
      fc.oneof(
        fc.string({ unit: 'binary-ascii' }).map((text) => text.replace(/[^\x20-\x7e]/g, '')),
        fc.base64String().map((text) => `Basic ${text}`),
        fc.uint8Array().map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
        fc
          .string({ unit: 'binary' })
          .map((password) => `Basic ${Buffer.from(`${topology.user.username}:${password}`).toString('base64')}`),
      ),
      async (authorization) => {
        const answer = await http(gateway.port, path, { headers: { authorization }, body: 'm' });
        expectInContract(answer);
        expect([401, 429]).toContain(answer.status);
      },
    ));

  it('of request headers: the answer is in the contract', () =>
    holds(
      fc.dictionary(
        fc.constantFrom(
          'prefer',
          'idempotency-key',
          'x-request-id',
          'traceparent',
          'tracestate',
          'origin',
          'expect',
          'content-type',
          'content-encoding',
          'x-forwarded-for',
          'forwarded',
          'sec-fetch-site',
          'x-http-method-override',
        ),
        fc.string({
          unit: fc
            .integer({ min: 0x20, max: 0xff })
            .filter((n) => n !== 0x7f)
            .map((n) => String.fromCharCode(n)),
        }),
      ),
      async (headers) => {
        expectInContract(await http(gateway.port, path, { user: topology.user, headers, body: 'body=m' }));
      },
    ));

  it('of properties and a body, in any form: the consumer gets them as they are', async () => {
    await topology.drain();
    const shortText = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
    const stated = fc.record(
      {
        app_id: shortText,
        correlation_id: shortText,
        message_id: shortText,
        type: shortText,
        priority: fc.integer({ min: 0, max: 255 }).map(String),
        expiration: fc.integer({ min: 60_000, max: 4_294_967_295 }).map(String),
        timestamp: fc.integer({ min: 0, max: 2 ** 40 }).map(String),
        delivery_mode: fc.constantFrom('1', '2'),
      },
      { requiredKeys: [] },
    );
    const form = fc.constantFrom('urlencoded', 'multipart', 'raw');
    await holds(fc.tuple(form, fc.uint8Array({ maxLength: 300 }), stated), async ([kind, body, fields]) => {
      const call = requestOf(kind, body, fields);
      const answer = await http(gateway.port, path + call.query, { user: topology.user, ...call });
      expect([answer.status, answer.text]).toEqual([204, '']);
      const message = await topology.only();
      expect(message.content).toEqual(Buffer.from(body));
      expect(propertiesOf(message)).toEqual({ deliveryMode: 1, ...expectedOf(fields) });
    });
  });
});

const NAMES: Readonly<Record<string, string>> = {
  app_id: 'appId',
  correlation_id: 'correlationId',
  message_id: 'messageId',
  delivery_mode: 'deliveryMode',
};
const NUMBERS = ['priority', 'timestamp', 'delivery_mode'];

/** As the client library that reads them names them. */
function expectedOf(fields: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      NAMES[name] ?? name,
      NUMBERS.includes(name) ? Number(value) : value,
    ]),
  );
}

const encodeBytes = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

function requestOf(kind: string, body: Uint8Array, fields: Readonly<Record<string, string>>) {
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  if (kind === 'raw') return { query: pairs.length > 0 ? `?${pairs.join('&')}` : '', headers: {}, body };
  if (kind === 'urlencoded')
    return {
      query: '',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: [...pairs, `body=${encodeBytes(body)}`].join('&'),
    };
  const boundary = 'boundary-0123456789abcdef';
  const part = (name: string, value: Uint8Array): Buffer =>
    Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`),
      value,
      Buffer.from('\r\n'),
    ]);
  return {
    query: '',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([
      part('body', body),
      ...Object.entries(fields).map(([name, value]) => part(name, Buffer.from(value))),
      Buffer.from(`--${boundary}--\r\n`),
    ]),
  };
}

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { otherRabbitmq } from './support/other-rabbitmq.ts';
import { portsOf, Topology } from './support/topology.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const JSON_TYPE = { 'content-type': 'application/json' };
const said = ({ status, headers }: Answer): string => `${status}${headers['statelessd-unrouted'] ? ' unrouted' : ''}`;

/** Stamps that RabbitMQ 4.0 can put on what it is sent, and so on what it returns. */
const stamps = (overwrite: 'true' | 'false'): Record<string, string> => ({
  'message_interceptors.incoming.set_header_timestamp.overwrite': overwrite,
  'message_interceptors.incoming.set_header_routing_node.overwrite': overwrite,
});

describe.each<[string, Record<string, string>, (() => Promise<string>)?]>([
  ['that stamps messages', stamps('false'), otherRabbitmq],
  ['that stamps messages over what they say', stamps('true'), otherRabbitmq],
  ['of another version', {}, otherRabbitmq],
  ['of this machine', {}],
])('an unroutable message, on a RabbitMQ %s,', (_, config, fetchRabbitmq) => {
  let broker: Broker;
  let topology: Topology;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    const installation = await fetchRabbitmq?.();
    broker = await startBroker({
      name: 'returns',
      management: true,
      config,
      ...(installation !== undefined && { installation }),
    });
    topology = await Topology.create(portsOf(broker));
    await topology.exchangeWithQueue();
    await topology.exchange('by-headers', 'headers');
    await topology.bind('by-headers', 'q', '', { 'x-match': 'all', take: 'yes' });
    gateway = await GatewayProcess.start({ broker: topology.broker });
  });
  afterAll(async () => {
    await gateway?.stop();
    await broker?.close();
  });

  const post = (exchange: string, key: string, fields: Record<string, string>): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/${exchange}/${key}`, {
      user: topology.user,
      body: String(new URLSearchParams({ body: 'x', ...fields })),
      headers: FORM,
    });

  const FIELDS: Record<string, string>[] = [
    {},
    { timestamp: '5', expire: '01000', delivery_mode: '2', priority: '0', message_id: 'm' },
    { headers: '{"timestamp_in_ms":7,"x-routed-by":"me","10":1,"1":[{"b":null,"a":true}],"__proto__":1}' },
    { headers: '{"CC":["nobody"],"BCC":["nobody"]}' },
    { headers: '{"BCC":["nobody"]}' },
  ];

  it.each(FIELDS)('is 404 where it is mandatory: %j', async (fields) => {
    const { status, problem } = await post('amq.default', 'nobody', { ...fields, mandatory: '1' });
    expect([status, problem.type, problem.published]).toEqual([404, 'urn:statelessd:unroutable', 'no']);
  });

  it.each(FIELDS)('is said to be unrouted where it is not: %j', async (fields) => {
    expect(said(await post('amq.default', 'nobody', fields))).toBe('204 unrouted');
  });

  it('is told of one by one in a batch', async () => {
    const message = (n: number) => ({
      exchange: n % 3 === 0 ? 'x' : 'amq.default',
      routing_key: 'nobody',
      body: n % 2 === 0 ? 'the same' : `another ${n}`,
      ...(n % 3 === 1 && { mandatory: true }),
    });
    const answer = await http(gateway.port, `/${topology.segment}`, {
      user: topology.user,
      headers: JSON_TYPE,
      body: JSON.stringify(range(300).map(message)),
    });
    const { results } = JSON.parse(answer.text);
    expect(results.map(({ status }: { readonly status: number }) => status)).toEqual(
      range(300).map((n) => (n % 3 === 1 ? 404 : 204)),
    );
  });

  it.each([{}, { expiration: '01000' }, { expiration: '+1000' }, { timestamp: 5, headers: { a: [1] } }])(
    'is not routed for the management API’s clients: %j',
    async (properties) => {
      const { status, text } = await http(gateway.port, `/api/exchanges/${topology.segment}/amq.default/publish`, {
        user: topology.user,
        headers: JSON_TYPE,
        body: JSON.stringify({ properties, routing_key: 'nobody', payload: 'hi', payload_encoding: 'string' }),
      });
      expect([status, JSON.parse(text)]).toEqual([200, { routed: false }]);
    },
  );

  it('is told apart from a routed one that differs in a header only', async () => {
    const wrong = await Promise.all(
      range(400).map(async (n) => {
        const take = n % 2 === 0 ? 'yes' : 'no';
        const fields = { headers: JSON.stringify({ take, n: n % 7 }), ...(n % 3 === 0 && { timestamp: '5' }) };
        const got = said(await post('by-headers', 'k', fields));
        return got === (take === 'yes' ? '204' : '204 unrouted') ? [] : [`${take}: ${got}`];
      }),
    );
    expect(wrong.flat()).toEqual([]);
  });
});

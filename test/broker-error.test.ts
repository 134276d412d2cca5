import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { otherRabbitmq } from './support/other-rabbitmq.ts';
import { ScriptedPeer } from './support/scripted-peer.ts';
import { portsOf, Topology } from './support/topology.ts';

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const verdict = ({ status, problem }: Answer) => [status, problem.type, problem.published, problem.detail];
const BROKER_ERROR = [502, 'urn:statelessd:broker-error', 'unknown', 'INTERNAL_ERROR'];
const ALL = range(300);
const isPoison = (n: number): boolean => n % 50 === 7;

interface Poison {
  readonly exchange: string;
  readonly routing_key: string;
  readonly headers: object;
}

/** Names a consumer that never was: RabbitMQ 3.10 fails over the name. */
const FOREIGN_REPLY: Poison = {
  exchange: 'amq.default',
  routing_key: 'amq.rabbitmq.reply-to.g2dkABByZXBseUA4NDM4NzA0MwAAAAAAAAAAAAAAAA==.abc',
  headers: {},
};

/** RabbitMQ 4.0 takes a text only. */
const STREAM_FILTER: Poison = {
  exchange: 'amq.default',
  routing_key: 'stream',
  headers: { 'x-stream-filter-value': 5 },
};

describe.each<[string, Poison, (() => Promise<string>)?]>([
  ['of this machine', FOREIGN_REPLY],
  ['of another version', STREAM_FILTER, otherRabbitmq],
])('a message that a RabbitMQ %s fails over', (_, poison, fetchRabbitmq) => {
  let broker: Broker;
  let topology: Topology;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    const installation = await fetchRabbitmq?.();
    broker = await startBroker({
      name: 'error',
      management: true,
      ...(installation !== undefined && { installation }),
    });
    topology = await Topology.create(portsOf(broker));
    await topology.exchangeWithQueue();
    await topology.queue('stream', { 'x-queue-type': 'stream' });
    gateway = await GatewayProcess.start({ broker: topology.broker, publishing: { publish_timeout: 20 } });
    await innocent(0);
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway?.stop();
    await broker?.close();
  });

  const post = (exchange: string, key: string, body: string, headers: object): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/${exchange}/${encodeURIComponent(key)}`, {
      user: topology.user,
      body: String(new URLSearchParams({ body, headers: JSON.stringify(headers) })),
      headers: FORM,
    });
  const innocent = (n: number): Promise<Answer> => post('x', `${n % 5}`, `${n}`, {});
  const guilty = (): Promise<Answer> => post(poison.exchange, poison.routing_key, 'poison', poison.headers);
  const inJson = (path: string, body: unknown): Promise<Answer> =>
    http(gateway.port, path, {
      user: topology.user,
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  const republished = async (): Promise<number> => {
    const { text } = await http(gateway.port, '/stats', { method: 'GET' });
    return JSON.parse(text).connections[`${topology.vhost}:${topology.user.username}`].republished;
  };

  it('is 502, and is not sent again', async () => {
    const before = await republished();
    expect(verdict(await guilty())).toEqual(BROKER_ERROR);
    expect(await republished()).toBe(before);
  });

  it('is found among others, which arrive', async () => {
    const answers = await Promise.all(ALL.map((n) => (isPoison(n) ? guilty() : innocent(n))));
    for (const [n, answer] of answers.entries())
      if (isPoison(n)) expect(verdict(answer)).toEqual(BROKER_ERROR);
      else expect([n, answer.status]).toEqual([n, 204]);
    const arrived = new Set((await topology.drain()).map(({ content }) => Number(content)));
    expect([...arrived].toSorted((a, b) => a - b)).toEqual(ALL.filter((n) => !isPoison(n)));
  });

  it('is found in a batch', async () => {
    const messages = ALL.map((n) =>
      isPoison(n) ? { ...poison, body: 'poison' } : { exchange: 'x', routing_key: `${n}`, body: `${n}` },
    );
    const { status, text } = await inJson(`/${topology.segment}`, messages);
    expect(status).toBe(504);
    const { results } = JSON.parse(text);
    expect(results.map((result: { readonly status: number }) => result.status)).toEqual(
      ALL.map((n) => (isPoison(n) ? 502 : 204)),
    );
  });

  it('is 502 for the management API’s clients', async () => {
    const { status, headers } = await inJson(`/api/exchanges/${topology.segment}/${poison.exchange}/publish`, {
      properties: { headers: poison.headers },
      routing_key: poison.routing_key,
      payload: 'poison',
      payload_encoding: 'string',
    });
    expect([status, headers['statelessd-error']]).toEqual([502, 'broker-error; published=unknown']);
  });
});

it('a channel that is closed for an internal error is the fault of the message that was alone on it', async () => {
  const peer = await ScriptedPeer.start(({ channel, tag, body }, answers) => {
    if (body === 'poison') answers.closeChannel(channel, 541, 'INTERNAL_ERROR');
    else answers.ack(channel, tag);
  });
  const gateway = await GatewayProcess.start({ broker: { port: peer.port, managementPort: 0 } });
  onTestFinished(async () => {
    await gateway.stop();
    await peer.close();
  });
  const post = (body: string): Promise<Answer> =>
    http(gateway.port, '/v/x/k', { user: { username: 'u', password: 'p' }, body: `body=${body}`, headers: FORM });
  await post('first');
  const [poison, ...innocents] = await Promise.all([post('poison'), ...range(20).map((n) => post(`${n}`))]);
  expect(poison && verdict(poison)).toEqual(BROKER_ERROR);
  expect(new Set(innocents.map(({ status }) => status))).toEqual(new Set([204]));
  expect(peer.messages.filter(({ body }) => body === 'poison').length).toBe(2);
});

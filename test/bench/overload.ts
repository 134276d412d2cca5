/**
 * `npm run overload`: more than the gateway can take, against as much as it can. Goodput is to stay at 90 % of its peak,
 * and who is refused is to be told within 100 ms.
 */
import * as v from 'valibot';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { GatewayProcess, type Settings } from '../support/gateway.ts';
import { basic } from '../support/http.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { portsOf, Topology } from '../support/topology.ts';
import { nextMessage, startChild } from './child.ts';
import { type Answers, quantile } from './clients.ts';

const ROUND_SECONDS = 12;
const ROUNDS = 3;
const MIN_GOODPUT = 0.9;
const MAX_REFUSAL_MS = 100;

interface Scenario {
  readonly name: string;
  readonly bytes: number;
  readonly settings: Settings;
  /** How many clients are as many as can be served. */
  readonly fitting: number;
  readonly tooMany: number;
  /** Of the link to the broker, each way. */
  readonly delayMs: number;
}

const ANSWERS = v.object({
  byStatus: v.array(v.tuple([v.number(), v.array(v.number())])),
  seconds: v.number(),
});

const scenarios: readonly Scenario[] = [
  {
    name: 'a slow broker (500 ms a confirm), messages of 16 KiB, twice as many as there is memory for (max_held_bytes: 16 MiB)',
    bytes: 16_384,
    settings: { publishing: { max_held_bytes: '16MiB' } },
    delayMs: 250,
    fitting: 440,
    tooMany: 900,
  },
  {
    name: 'a slow broker (100 ms a confirm, max_in_flight: 100), more messages than it takes in half the time that clients wait',
    bytes: 100,
    settings: { publishing: { max_in_flight: 100 } },
    delayMs: 50,
    fitting: 100,
    tooMany: 3_000,
  },
  {
    name: 'the same, and 200 messages may wait (max_held_messages: 200)',
    bytes: 100,
    settings: { publishing: { max_in_flight: 100, max_held_messages: 200 } },
    delayMs: 50,
    fitting: 100,
    tooMany: 1_000,
  },
];

const broker = await startBroker({ name: 'overload', management: true });
const topology = await Topology.create(portsOf(broker));
await topology.exchange('sink', 'fanout');

// A process of its own: this one carries the slow link.
const crowd = startChild('crowd.ts');
let missed = 0;
for (const scenario of scenarios) {
  const proxy = await TcpProxy.start(broker.port);
  const gateway = await GatewayProcess.start({
    ...scenario.settings,
    rabbitmq: { port: proxy.port },
    broker: topology.broker,
  });
  proxy.link = { delayMs: scenario.delayMs };
  const request = requestOf(scenario.bytes);
  const run = async (clients: number): Promise<Answers> => {
    crowd.send({ port: gateway.port, request: request.toString('base64'), clients, seconds: ROUND_SECONDS });
    const { byStatus, seconds } = v.parse(ANSWERS, await nextMessage(crowd));
    return { byStatus: new Map(byStatus), seconds };
  };
  await run(scenario.fitting);
  const peaks: number[] = [];
  const goodputs: number[] = [];
  const refusals: number[] = [];
  let others = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    peaks.push(goodputOf(await run(scenario.fitting)));
    const overloaded = await run(scenario.tooMany);
    goodputs.push(goodputOf(overloaded));
    for (const [status, times] of overloaded.byStatus)
      if (status === 503) refusals.push(...times);
      else if (status !== 204) others += times.length;
  }
  await gateway.stop();
  await proxy.close();
  const kept = quantile(goodputs, 0.5) / quantile(peaks, 0.5);
  const p99 = quantile(refusals, 0.99);
  const met = kept >= MIN_GOODPUT && p99 <= MAX_REFUSAL_MS && others === 0;
  if (!met) missed += 1;
  console.log(
    `${met ? 'met   ' : 'MISSED'}  ${scenario.name}: ${quantile(peaks, 0.5).toFixed(0)} messages a second at best, ` +
      `${(100 * kept).toFixed(0)} % of that when overloaded; ${refusals.length} refusals, ` +
      `p50 ${quantile(refusals, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; ${others} other answers`,
  );
}
crowd.disconnect();
await broker.close();
process.exitCode = missed === 0 ? 0 : 1;

function goodputOf({ byStatus, seconds }: Answers): number {
  return (byStatus.get(204)?.length ?? 0) / seconds;
}

function requestOf(bytes: number): Buffer {
  const head = [
    `POST /${topology.segment}/sink/k?mandatory=0 HTTP/1.1`,
    'Host: localhost',
    `Authorization: ${basic(topology.user)}`,
    'Content-Type: text/plain',
    `Content-Length: ${bytes}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.alloc(bytes, 'x')]);
}

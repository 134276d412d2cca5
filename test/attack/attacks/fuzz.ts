import { basic } from '../../support/http.ts';
import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';
import { open, statusesIn } from '../support/sockets.ts';
import type { World } from '../support/world.ts';

const SEED = 20_130_327;
const AT_ONCE = 64;
const PATIENCE_MS = 300;

/** Mulberry32: the same numbers in each run. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function requests({ topology, user }: World): Buffer[] {
  const { segment } = topology;
  const post = (path: string, body: string, ...fields: string[]): string =>
    [
      `POST ${path} HTTP/1.1`,
      'Host: g',
      `Authorization: ${basic(user)}`,
      ...fields,
      `Content-Length: ${body.length}`,
      '',
      body,
    ].join('\r\n');
  const part = (name: string, value: string): string =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  return [
    post(
      `/${segment}/sink/k`,
      'body=hi&priority=3&headers[a][]=1&expire=100',
      'Content-Type: application/x-www-form-urlencoded',
    ),
    post(
      `/${segment}/sink/k`,
      `${part('body', 'hi')}${part('headers', '{"a":{"$date":"2026-01-01T00:00:00Z"}}')}--b--\r\n`,
      'Content-Type: multipart/form-data; boundary=b',
    ),
    post(
      `/${segment}/sink/k?mandatory=1&timestamp=5`,
      'raw',
      'Prefer: wait=1',
      'Idempotency-Key: "a"',
      'ce-id: 1',
      'traceparent: 00-a-b-01',
    ),
    post(
      `/${segment}`,
      '{"exchange":"sink","routing_key":"k","body_base64":"aGk="}\n{"exchange":"sink","body":"x","headers":{"a":[1,{"b":null}]}}\n',
      'Content-Type: application/x-ndjson',
    ),
    post(
      `/api/exchanges/${segment}/sink/publish`,
      '{"properties":{"delivery_mode":2},"routing_key":"k","payload":"hi","payload_encoding":"string"}',
    ),
    `POST /${segment}/sink/k HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(user)}\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n`,
    `POST /${segment}/sink/k HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nAuthorization: Bearer a.e30.b\r\nContent-Length: 2\r\n\r\nhi`,
    'GET /stats?scope=all HTTP/1.1\r\nHost: g\r\nAccept-Encoding: gzip\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: g\r\nIf-None-Match: *\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: g\r\nOrigin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n\r\n',
  ].map((text) => Buffer.from(text, 'latin1'));
}

const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  ';',
  ',',
  '%',
  '%00',
  '%2f',
  '\xff',
  '\u00e9',
  '"',
  '{',
  '[',
  '-1',
  '4294967296',
  '99999999999999999999',
  '0',
  'chunked',
  'HTTP/1.1',
  'Content-Length: 5\r\n',
  'Connection: close\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  '\r\n\r\n',
  '{"$numberLong":"',
  'x'.repeat(5_000),
];

function mutated(base: Buffer, other: Buffer, random: (below: number) => number): Buffer {
  let bytes = base;
  for (let left = 1 + random(6); left > 0; left -= 1) {
    const at = random(bytes.length + 1);
    const to = Math.min(bytes.length, at + 1 + random(20));
    const token = Buffer.from(TOKENS[random(TOKENS.length)] ?? '', 'latin1');
    const [head, cut, tail] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    const changes = [
      () => Buffer.concat([head, tail]),
      () => Buffer.concat([head, cut, cut, tail]),
      () => Buffer.concat([head, token, cut, tail]),
      () => Buffer.concat([head, token, tail]),
      () => Buffer.concat([head, Buffer.of(random(256)), tail]),
      () => Buffer.concat([head, other.subarray(random(other.length))]),
      () => Buffer.concat([bytes, other]),
    ];
    bytes = changes[random(changes.length)]?.() ?? bytes;
  }
  return bytes.subarray(0, 60_000);
}

export const fuzzed: Attack = {
  name: 'fuzzed connections',
  tries:
    'connections (20,000, unless told otherwise) with requests that are mutated at random, cut into pieces, ended, reset or left alone',
  promise: 'every answer is one of the contract’s, and the gateway lives',
  seconds: 150,
  async run(world, signal) {
    const random = randomOf(SEED);
    const bases = requests(world);
    const pick = (): Buffer => bases[random(bases.length)] ?? Buffer.alloc(0);
    const tally = new Tally();
    let made = 0;
    const one = async (): Promise<void> => {
      while (made < world.seed.fuzzedConnections && !signal.aborted) {
        made += 1;
        const bytes = mutated(pick(), pick(), random);
        const cut = random(bytes.length + 1);
        const end = random(4);
        let received = '';
        const socket = await open(world.port, {
          onData: (chunk) => {
            received += chunk.toString('latin1');
          },
        });
        const ended = new Promise<void>((resolve) =>
          socket.destroyed ? resolve() : socket.once('close', () => resolve()),
        );
        socket.write(bytes.subarray(0, cut));
        socket.write(bytes.subarray(cut));
        if (end === 0) socket.resetAndDestroy();
        if (end === 1) socket.end();
        const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
        if (end > 1) socket.once('data', () => setTimeout(() => socket.destroy(), 20));
        await ended;
        clearTimeout(timer);
        for (const status of statusesIn(received)) tally.add(status);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    const good = new Tally();
    for (let n = 0; n < 20; n += 1) good.add((await world.post({ agent: false })).status);
    const log = await world.logged();
    return finding(`${made} connections; answers: ${tally}; good posts afterwards: ${good}`, {
      'all connections were made': made >= world.seed.fuzzedConnections,
      'no answer is 500': tally.of(500) === 0,
      'the log tells of no internal error': !/is a bug|internal error/.test(log),
      'good posts are 204': good.others(204) === 0,
    });
  },
};

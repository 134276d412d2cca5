import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { ScriptedPeer, type Tamper } from './support/scripted-peer.ts';

const ROUNDS = 8;
const POSTS = 60;

/** Marsaglia's xorshift: the same numbers for the same seed. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

type Mutation = (frame: Buffer, random: (below: number) => number) => Buffer;

function changed(frame: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(frame);
  copy[at] = value;
  return copy;
}

/** What corrupts a frame. */
const MUTATIONS: readonly Mutation[] = [
  (frame, random) => changed(frame, random(frame.length), random(256)),
  (frame, random) => changed(frame, random(Math.min(frame.length, 12)), random(256)),
  (frame, random) => changed(frame, 3 + random(4), 0xff),
  (frame, random) => frame.subarray(0, random(frame.length)),
  (frame, random) => Buffer.concat([frame, frame.subarray(random(frame.length))]),
  (frame, random) => Buffer.concat([Buffer.from(Array.from({ length: 1 + random(64) }, () => random(256))), frame]),
  (frame, random) => Buffer.concat([frame.subarray(0, 7 + random(Math.max(1, frame.length - 8))), Buffer.of(0xce)]),
  () => Buffer.alloc(0),
];

let peer: ScriptedPeer;
let gateway: GatewayProcess;
beforeAll(async () => {
  peer = await ScriptedPeer.start(({ channel, tag }, answers) => answers.ack(channel, tag));
  gateway = await GatewayProcess.start({
    rabbitmq: { host: '127.0.0.1', port: peer.port, connect_timeout: 0.5 },
    publishing: { publish_timeout: 1 },
  });
  await served();
});
afterAll(async () => {
  await gateway?.stop();
  await peer?.close();
});

const post = (username: string, body: string): Promise<Answer> =>
  http(gateway.port, '/v/x/k', { user: { username, password: 'p' }, body: `body=${body}`, headers: FORM });
/** The time that a message has is short, for the sake of those that come to nothing. */
const served = () => vi.waitUntil(async () => (await post('good', 'x')).status === 204, { timeout: 30_000 });
const stats = async () => JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text);

it.each(Array.from({ length: ROUNDS }, (_, n) => n + 1))(
  'outlives whatever its broker sends, and claims of no message that it was not published which was sent: seed %s',
  async (seed) => {
    const { pid } = await stats();
    expect(pid).toBeGreaterThan(0);
    const random = numbers(seed * 7919);
    const tamper: Tamper = (frame) => {
      const mutation = MUTATIONS[random(MUTATIONS.length * 6)];
      return mutation ? mutation(frame, random) : frame;
    };
    peer.tamper = tamper;
    const answers = await Promise.all(
      Array.from({ length: POSTS }, (_, n) => post(`fuzzed-${seed}-${n}`, `${seed}-${n}`)),
    );
    peer.tamper = (frame) => frame;
    const sent = new Set(peer.messages.map(({ body }) => body));
    const kinds = answers.map(({ status, headers }, n) => {
      const outcome = String(headers['statelessd-error']);
      return sent.has(`${seed}-${n}`) && outcome.endsWith('published=no') ? `sent, and ${outcome}` : status;
    });
    for (const kind of kinds) expect([204, 400, 401, 403, 404, 429, 502, 503, 504]).toContain(kind);
    await served();
    expect((await stats()).pid).toBe(pid);
    expect(gateway.stderr).not.toMatch(/a backend died|uncaught|unhandled/i);
  },
);

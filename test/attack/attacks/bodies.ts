import { deflateSync, gzipSync } from 'node:zlib';
import { basic } from '../../support/http.ts';
import type { User } from '../../support/topology.ts';
import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';
import { converse, type Held, hold, mebibytes, open, statusesIn, timeIsUp } from '../support/sockets.ts';
import type { World } from '../support/world.ts';

const MAX_BODY = 10 * 2 ** 20;

function head(path: string, user: User, ...lines: readonly string[]): string {
  return [`POST ${path} HTTP/1.1`, 'Host: g', `Authorization: ${basic(user)}`, ...lines, '', ''].join('\r\n');
}

const target = ({ topology }: World): string => `/${topology.segment}/sink/k?mandatory=0`;

/** Repeats what a few clients do side by side, and counts what they were answered. */
async function again(clients: number, signal: AbortSignal, what: () => Promise<number | undefined>): Promise<Tally> {
  const tally = new Tally();
  const one = async (): Promise<void> => {
    while (!signal.aborted) tally.add((await what()) ?? 0);
  };
  await Promise.all(Array.from({ length: clients }, one));
  return tally;
}

export const oneByteChunks: Attack = {
  name: 'chunks of one byte',
  tries: 'a valid user, 4 connections, bodies of 2 million chunks of one byte each, again and again',
  promise: 'a body takes about as much memory as it has bytes',
  async run(world, signal) {
    const start = head(target(world), world.user, 'Content-Type: text/plain', 'Transfer-Encoding: chunked');
    const bytes = Buffer.concat([Buffer.from(start), Buffer.alloc(12_000_000, '1\r\na\r\n'), Buffer.from('0\r\n\r\n')]);
    const tally = await again(
      4,
      signal,
      async () => statusesIn(await converse(world.port, [bytes], { quietMs: 5_000 }))[0],
    );
    return finding(`answers: ${tally}`);
  },
};

export const headerBatches: Attack = {
  name: 'batches of headers',
  tries: 'a valid user, 6 batches of 10 MB at a time, each of some 3,000 messages with 300 headers, again and again',
  promise: 'what is parsed is counted as the memory that it takes',
  async run(world, signal) {
    const headers = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`h${n}`, n % 10]));
    const line = `${JSON.stringify({ body: '', mandatory: false, headers })}\n`;
    const body = line.repeat(Math.floor(MAX_BODY / line.length));
    const call = { body, agent: false, headers: { 'content-type': 'application/x-ndjson' } } as const;
    const tally = await again(
      6,
      signal,
      async () => (await world.post(call, `/${world.topology.segment}/sink`)).status,
    );
    return finding(`answers: ${tally}`);
  },
};

export const announced: Attack = {
  name: 'announced and silent',
  tries: 'one valid user on two vhosts, 96 connections that announce 10 MiB, 1 MiB or 64 KiB and send nothing',
  promise: 'room is taken as bytes arrive: no other user is refused',
  async run(world, signal) {
    const { vhost, user } = world.topology;
    const sibling = await world.topology.sibling(`${vhost} 2`);
    world.onEnd(() => sibling.delete());
    const held: Held[] = [];
    // What a large one leaves free is taken by smaller ones.
    for (const [size, count] of ANNOUNCED)
      for (const { segment } of [world.topology, sibling])
        held.push(await hold(world.port, count, head(`/${segment}/sink/k`, user, `Content-Length: ${size}`)));
    await timeIsUp(signal);
    const opened = held.reduce((sum, each) => sum + each.open, 0);
    for (const each of held) each.close();
    return finding(`${opened} of 96 connections stayed open`);
  },
};

/** Sizes, and how many of each on either vhost. */
const ANNOUNCED = [
  [MAX_BODY, 4],
  [2 ** 20, 4],
  [2 ** 16, 40],
] as const;

export const trickles: Attack = {
  name: 'trickling bodies',
  tries: 'one valid user, 200 connections that announce 10 MB each and send one byte every half second',
  promise: 'the same',
  async run(world, signal) {
    const held = await hold(world.port, 200, head(target(world), world.user, `Content-Length: ${MAX_BODY}`));
    const timer = setInterval(() => {
      for (const socket of held.sockets) if (!socket.destroyed) socket.write('x');
    }, 500);
    await timeIsUp(signal);
    clearInterval(timer);
    const opened = held.open;
    held.close();
    return finding(`${opened} of 200 connections stayed open`);
  },
};

export const unproven: Attack = {
  name: 'bodies without credentials',
  tries: 'without credentials, 100 connections that announce 10 MB each and send as much as is taken',
  promise: 'nobody without credentials has anything kept',
  async run(world, signal) {
    const start = Buffer.from(`POST ${target(world)} HTTP/1.1\r\nHost: g\r\nContent-Length: ${MAX_BODY}\r\n\r\n`);
    const bytes = Buffer.concat([start, Buffer.alloc(MAX_BODY)]);
    let sent = 0;
    const tally = await again(100, signal, async () => {
      let received = '';
      const socket = await open(world.port, { onData: (chunk) => (received += chunk.toString('latin1')) });
      socket.write(bytes);
      const timer = setTimeout(() => socket.destroy(), 3_000);
      await new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
      clearTimeout(timer);
      sent += socket.bytesWritten - socket.writableLength;
      return statusesIn(received)[0];
    });
    return finding(`${mebibytes(sent)} sent; answers: ${tally}`, { 'all are refused': tally.others(401, 0) === 0 });
  },
};

export const bombs: Attack = {
  name: 'compressed bombs',
  tries: 'a valid user, 4 connections, forms and batches of 10 MB or less that are 256 MiB once they are decompressed',
  promise: 'the size is judged as decoded',
  async run(world, signal) {
    const large = Buffer.alloc(256 * 2 ** 20);
    const kinds = [
      { encoding: 'gzip', type: 'application/x-www-form-urlencoded', body: gzipSync(large) },
      { encoding: 'deflate', type: 'application/x-ndjson', body: deflateSync(large) },
    ];
    let turn = 0;
    const tally = await again(4, signal, async () => {
      turn += 1;
      const { encoding, type, body } = kinds[turn % kinds.length] ?? { encoding: '', type: '', body: '' };
      const headers = { 'content-encoding': encoding, 'content-type': type };
      const path = type.endsWith('ndjson') ? `/${world.topology.segment}/sink` : target(world);
      return (await world.post({ body, headers, agent: false }, path)).status;
    });
    return finding(`answers: ${tally}`, {
      'all are refused, with 413 or for want of room': tally.others(413, 503) === 0,
    });
  },
};

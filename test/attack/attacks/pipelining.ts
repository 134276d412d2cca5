import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';
import { flood, hold, mebibytes, timeIsUp } from '../support/sockets.ts';

const request = (line: string): string => `${line} HTTP/1.1\r\nHost: g\r\n\r\n`;
const READ_BYTES = 64 * 1024;

function repeated(text: string): string {
  return text.repeat(Math.floor(READ_BYTES / text.length));
}

/** Counts answers in what is read, but for those that two reads share. */
function counting(tally: Tally): (chunk: Buffer) => void {
  return (chunk) => {
    for (const [, status = ''] of chunk.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)) tally.add(status);
  };
}

export const cheapRequests: Attack = {
  name: 'cheap requests',
  tries:
    'the yardstick for all that follows: 50 connections that ask for `/healthz`, one request at a time, as fast as they are answered',
  promise: '',
  async run({ port }, signal) {
    const tally = new Tally();
    const one = async (): Promise<void> => {
      const [socket] = (await hold(port, 1, '')).sockets;
      const ask = (): void => void socket?.write(request('GET /healthz'));
      socket?.on('data', (chunk: Buffer) => {
        counting(tally)(chunk);
        ask();
      });
      ask();
      await timeIsUp(signal);
      socket?.destroy();
    };
    await Promise.all(Array.from({ length: 50 }, one));
    return finding(`answers: ${tally}`);
  },
};

export const pipelinedRefusals: Attack = {
  name: 'pipelining',
  tries:
    'without credentials, 50 connections on which `GET /a/b/c/d` is pipelined as fast as it is taken; the answers are read',
  promise: 'one connection gets no more of a turn than another',
  async run({ port }, signal) {
    const tally = new Tally();
    const sent = await flood(port, repeated(request('GET /a/b/c/d')), 50, signal, { onData: counting(tally) });
    return finding(`${mebibytes(sent.bytes)} sent; answers: ${tally}`);
  },
};

export const pipelinedPosts: Attack = {
  name: 'pipelining, posts without credentials',
  tries: 'the same with `POST /a/b/c` without credentials, on 50 connections',
  promise: 'the same',
  async run({ port }, signal) {
    const tally = new Tally();
    const post = 'POST /a/b/c HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n';
    const sent = await flood(port, repeated(post), 50, signal, { onData: counting(tally) });
    return finding(`${mebibytes(sent.bytes)} sent on ${sent.opened} connections; answers: ${tally}`);
  },
};

export const unreadAnswers: Attack = {
  name: 'pipelining, unread',
  tries:
    'without credentials, 20 connections with 60 KB each of pipelined `GET /openapi.json`, whose answers are never read',
  promise: 'answers that nobody reads are bounded',
  async run({ port }, signal) {
    const one = request('GET /openapi.json');
    const held = await hold(port, 20, one.repeat(Math.floor(60_000 / one.length)), { unread: true });
    await timeIsUp(signal);
    const open = await held.openWhenRead();
    held.close();
    return finding(`${open} of 20 connections were still open`);
  },
};

export const unreadCrowd: Attack = {
  name: 'unread answers, a crowd',
  tries: 'without credentials, 2,000 connections that each ask for `/openapi.json` five times and read nothing',
  promise: 'the same',
  async run({ port }, signal) {
    const bytes = request('GET /openapi.json').repeat(5);
    const held = await hold(port, 2_000, bytes, { unread: true, localAddress: '127.0.0.2' });
    await timeIsUp(signal);
    const open = await held.openWhenRead();
    held.close();
    return finding(`${open} of 2000 connections were still open`);
  },
};

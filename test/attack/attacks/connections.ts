import { setTimeout as delay } from 'node:timers/promises';
import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';
import { hold, timeIsUp } from '../support/sockets.ts';

export const idleConnections: Attack = {
  name: 'idle connections',
  tries:
    'without credentials, 12,000 connections that ask for `/healthz` once and are then kept (`max_connections` is 10,000)',
  promise: 'idle connections are bounded and make room',
  seconds: 40,
  async run(world, signal) {
    const held = await hold(world.port, 12_000, 'GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n', {
      localAddress: '127.0.0.2',
      signal,
    });
    await delay(5_000);
    const { open } = held;
    const { status } = await world.get('/stats', { agent: false });
    held.close();
    return finding(`${open} of ${held.sockets.length} connections stayed open; /stats: ${status}`, {
      'all were opened': held.sockets.length === 12_000,
      'no more than max_connections stay open': open <= 10_000,
      '/stats answers': status === 200,
    });
  },
};

export const slowHeaders: Attack = {
  name: 'slow headers',
  tries: 'without credentials, 2,000 connections that send a byte of a header every second (Slowloris)',
  promise: 'they are ended after `headers_timeout` (10 s)',
  seconds: 25,
  async run(world, signal) {
    const tally = new Tally();
    const held = await hold(world.port, 2_000, 'GET / HTTP/1.1\r\nX-Slow: ', {
      localAddress: '127.0.0.2',
      onData: (chunk) => tally.add(chunk.toString('latin1').slice(9, 12)),
    });
    const timer = setInterval(() => {
      for (const socket of held.sockets) if (!socket.destroyed) socket.write('x');
    }, 1_000);
    while (!signal.aborted && held.open > 0) await delay(200);
    clearInterval(timer);
    const { open } = held;
    held.close();
    return finding(`${open} of 2000 connections still open at the end; answers: ${tally}`, {
      'all were ended': open === 0,
    });
  },
};

export const descriptors: Attack = {
  name: 'descriptors',
  tries: 'without credentials, 400 idle connections where `ulimit -n` is 256',
  promise: '`/healthz` and `/stats` answer; log and metrics say what is short',
  gateway: { before: 'ulimit -n 256' },
  async run(world, signal) {
    const held = await hold(world.port, 400, '', { localAddress: '127.0.0.2', signal });
    const tally = new Tally();
    while (!signal.aborted) {
      for (const path of ['/healthz', '/stats', '/metrics']) {
        const { status } = await world.get(path, { agent: false, timeoutMs: 5_000 });
        tally.add(`${path} ${status}`);
      }
      await delay(100);
    }
    await timeIsUp(signal);
    held.close();
    const log = await world.logged();
    return finding(`answers: ${tally}`, {
      '/healthz, /stats and /metrics answer': ['/healthz', '/stats', '/metrics'].every(
        (path) => tally.of(`${path} 200`) > 0 && tally.of(`${path} 500`) + tally.of(`${path} 0`) === 0,
      ),
      'the log says that descriptors are short': /descriptor|EMFILE/i.test(log),
    });
  },
};

import { spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { childrenOf } from '../../support/processes.ts';
import { type Attack, finding } from '../attack-contract.ts';
import { Tally } from '../support/send.ts';
import { hold, open } from '../support/sockets.ts';
import type { World } from '../support/world.ts';

/** A directory of the attack's own. */
function directoryOf(world: World): string {
  const directory = mkdtempSync(join(tmpdir(), 'statelessd-attack-'));
  world.onEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const DEBUGGER_PORT = 9229;

async function answers(port: number): Promise<boolean> {
  const socket = await open(port);
  const isOpen = !socket.destroyed;
  socket.destroy();
  return isOpen;
}

export const debuggerSignal: Attack = {
  name: 'SIGUSR1',
  tries: 'SIGUSR1 every 20 ms to the backends, and every second to the supervisor',
  promise: 'no signal opens a debugger',
  rolls: true,
  async run(world, signal) {
    const taken = await answers(DEBUGGER_PORT);
    let backends = world.backends;
    let signals = 0;
    let opened = false;
    for (; !signal.aborted; signals += 1) {
      if (signals % 25 === 0) backends = world.backends;
      for (const pid of [...backends, ...(signals % 50 === 0 ? [world.supervisor] : [])]) kill(pid, 'SIGUSR1');
      await delay(20);
      opened ||= !taken && (await answers(DEBUGGER_PORT));
    }
    const said = /Debugger listening/.test(await world.logged());
    return finding(`${signals} times; port ${DEBUGGER_PORT}: ${opened ? 'open' : 'closed'}`, {
      'no debugger listens': !opened && !said,
    });
  },
};

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It was replaced meanwhile.
  }
}

export const reloadStorm: Attack = {
  name: 'reloads',
  tries: '15 times SIGHUP, with 300 idle clients who keep their connections',
  promise: 'retiring backends are bounded in number',
  rolls: true,
  async run(world) {
    let most = 0;
    const clients = [];
    for (let n = 0; n < 15; n += 1) {
      clients.push(
        await hold(world.port, 20, 'GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n', { localAddress: '127.0.0.2' }),
      );
      kill(world.supervisor, 'SIGHUP');
      await delay(600);
      most = Math.max(most, childrenOf(world.supervisor).length);
    }
    for (const each of clients) each.close();
    return finding(`up to ${most} processes beside the supervisor`, { 'at most 8 processes at once': most <= 8 });
  },
};

/** Runs in every process of the gateway; those that have a parent to talk to talk nonsense. */
const NONSENSE = `
const said = [null, 0, -1, '', 'x', true, [], {}, [[]], [null], { kind: null }, { type: 'ready' }, { kind: 'ready' },
  { kind: 'listening' }, { kind: 'stats' }, { kind: 'stats', id: 0 }, { kind: 'answer', id: 1, stats: null }, { id: 1 },
  { type: 'stats', id: 1, value: { connections: null } }, { cmd: 'NODE_x' }, { cmd: 'statelessd' }, { kind: '__proto__' },
  { kind: 'constructor' }, { __proto__: null, toString: 1 }, { kind: { toString: 1 } }, { kind: 'x'.repeat(1_000_000) },
  { throttle: null }, { kind: 'throttle' }, { kind: 'refused' }, { kind: 'failed', key: {} }, { kind: 'login', keys: [1] },
  { kind: 'state' }, { kind: 'log' }, { kind: 'drained' }, { pid: 1 }, { port: -1 }];
let n = 0;
if (process.send) setInterval(() => { try { process.send(said[n++ % said.length], () => {}); } catch {} }, 20).unref();
`;

export const nonsense: Attack = {
  name: 'nonsense from a backend',
  tries: 'a module that `NODE_OPTIONS` loads into the backends sends the supervisor 50 messages of nonsense a second',
  promise: 'the supervisor goes on; so do the backends',
  gateway: { env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(NONSENSE)}` } },
  async run(world, signal) {
    const tally = new Tally();
    while (!signal.aborted) {
      tally.add((await world.get('/stats?scope=all')).status);
      await delay(100);
    }
    return finding(`/stats?scope=all meanwhile: ${tally}`, {
      'the figures of all are served': tally.others(200) === 0,
    });
  },
};

export const pidfiles: Attack = {
  name: 'pidfiles',
  tries:
    'a pidfile that is a symbolic link to another file; one that is a link to nowhere; and a stale one whose pid is now another program’s, named statelessd',
  promise: 'no other file is written; a stale pidfile prevents no start',
  alone: true,
  async run(world) {
    const directory = directoryOf(world);
    const at = (name: string): string => join(directory, name);
    writeFileSync(at('precious'), 'precious');
    symlinkSync(at('precious'), at('link.pid'));
    const linked = await world.startGateway({ settings: { daemon: { pidfile: at('link.pid') } } });
    const kept = readFileSync(at('precious'), 'utf8') === 'precious';
    await linked.stop();
    symlinkSync(at('planted'), at('dangling.pid'));
    const dangling = await world.startGateway({ settings: { daemon: { pidfile: at('dangling.pid') } } });
    const planted = existsSync(at('planted'));
    await dangling.stop();
    const other = spawn('sleep', ['60'], { argv0: 'statelessd: supervisor', stdio: 'ignore' });
    world.onEnd(() => other.kill());
    writeFileSync(at('stale.pid'), `${other.pid}\n`);
    const started = await world.startGateway({ settings: { daemon: { pidfile: at('stale.pid') } } });
    const starts = !started.hasEnded;
    return finding(
      `the file behind the link is ${kept ? 'as it was' : 'overwritten'}; with a stale pid it ${starts ? 'starts' : 'does not start'}`,
      {
        'no file behind a link is written': kept && !planted,
        'the pidfile itself is no link afterwards': !starts || !lstatSync(at('stale.pid')).isSymbolicLink(),
        'a stale pidfile prevents no start': starts,
      },
    );
  },
};

export const busySocket: Attack = {
  name: 'a busy socket',
  tries:
    'a second gateway on a Unix socket whose owner lives, but has so many connections waiting that the kernel refuses more (EAGAIN)',
  promise: 'what lives is not taken over',
  alone: true,
  async run(world) {
    const path = join(directoryOf(world), 'busy.sock');
    const first = await world.startGateway({ settings: { http: { sockets: [path] } } });
    while ((await get(path)) !== 200) await delay(50);
    const pids = [first.pid, ...first.backends];
    for (const pid of pids) kill(pid, 'SIGSTOP');
    const waiting: Socket[] = [];
    let full = false;
    for (let n = 0; n < 10_000 && !full; n += 1) {
      const socket = connect(path);
      waiting.push(socket);
      full = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(false));
        socket.once('error', () => resolve(true));
      });
      socket.on('error', () => {});
    }
    const second = await world.startGateway({ settings: { http: { sockets: [path] } } });
    const took = !second.hasEnded;
    const code = took ? undefined : (await second.exited).code;
    if (took) await second.stop();
    for (const pid of pids) kill(pid, 'SIGCONT');
    for (const socket of waiting) socket.destroy();
    await delay(500);
    const status = await get(path);
    return finding(
      `${waiting.length} connections until it was full (${full}); the second one ${took ? 'starts' : `ends with ${code}`}; the first one answers there: ${status}`,
      {
        'the second one ends with 69': code === 69,
        'the first one still has its socket': status === 200,
      },
    );
  },
};

async function get(path: string): Promise<number> {
  let received = '';
  const socket = connect(path, () => socket.write('GET /healthz HTTP/1.0\r\n\r\n'));
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return Number(received.slice(9, 12));
}

export const foreignSocket: Attack = {
  name: 'a foreign file at a socket’s path',
  tries: 'at the path of a Unix socket there is another program’s living socket, a file, or a link to a file',
  promise: 'none of them is taken over or deleted',
  alone: true,
  async run(world) {
    const directory = directoryOf(world);
    const at = (name: string): string => join(directory, name);
    const server = createServer((socket) => {
      // Whoever asks may have gone before it is answered.
      socket.on('error', () => {});
      socket.end('mine');
    });
    await new Promise<void>((resolve) => server.listen(at('living.sock'), resolve));
    world.onEnd(() => server.close());
    writeFileSync(at('file.sock'), 'precious');
    symlinkSync(at('file.sock'), at('link.sock'));
    const codes = [];
    for (const name of ['living.sock', 'file.sock', 'link.sock']) {
      const gateway = await world.startGateway({ settings: { http: { sockets: [at(name)] } } });
      codes.push(gateway.hasEnded ? (await gateway.exited).code : 'started');
      await gateway.stop();
    }
    const precious =
      existsSync(at('file.sock')) && lstatSync(at('file.sock')).isFile() && readFileSync(at('file.sock'), 'utf8');
    return finding(`exit codes: ${codes.join(', ')}`, {
      'it starts with none of them': codes.every((code) => code === 69 || code === 78),
      'the file is as it was': precious === 'precious',
    });
  },
};

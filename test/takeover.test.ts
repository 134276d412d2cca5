import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { link, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { http, keepAliveAgent } from './support/http.ts';
import { childrenOf, ended } from './support/processes.ts';

const PROGRAM = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

let directory: string;
let pidfile: string;
let socket: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'statelessd-takeover-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  pidfile = join(directory, 'statelessd.pid');
  socket = join(directory, 'a.sock');
});

async function start(settings: Settings): Promise<GatewayProcess> {
  const gateway = await gatewayForTest(settings);
  return gateway;
}

/** How a start ends that must fail. */
const refusal = (settings: Settings): Promise<string> =>
  start(settings).then(
    () => 'it started',
    (error: Error) => error.message,
  );

/** A process that is none of ours, whatever its command line says. */
function stranger(command: string, ...args: readonly string[]): number {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child.pid ?? 0;
}

const listening = async (pid: number, path: string): Promise<void> => {
  await expect.poll(() => existsSync(path), { timeout: 20_000, message: `${pid} listens` }).toBe(true);
};

describe('a pidfile', () => {
  it('that is a symbolic link is refused, and what it leads to stays as it is', async () => {
    const precious = join(directory, 'precious');
    await writeFile(precious, 'precious');
    await symlink(precious, pidfile);
    expect(await refusal({ daemon: { pidfile } })).toContain('this is a symbolic link');
    await rm(pidfile);
    await symlink(join(directory, 'not-there'), pidfile);
    expect(await refusal({ daemon: { pidfile } })).toContain('this is a symbolic link');
    await rm(pidfile);
    await link(precious, pidfile);
    expect(await refusal({ daemon: { pidfile } })).toContain('this is no file of its own');
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    expect(existsSync(join(directory, 'not-there'))).toBe(false);
  });

  it('that is a named pipe is refused at once', async () => {
    execFileSync('mkfifo', [pidfile]);
    expect(await refusal({ daemon: { pidfile } })).toContain('this is no regular file');
  });

  it.each([
    ['an editor', 'perl', ['-e', 'sleep 600', 'statelessd.yaml']],
    ['a program that calls itself as we do', 'perl', ['-e', '$0 = "statelessd: supervisor"; sleep 600']],
  ])('that names another process by now, such as %s, is written anew', async (_, command, args) => {
    await writeFile(pidfile, `${stranger(command, ...args)}\n`);
    const gateway = await start({ daemon: { pidfile } });
    expect(readFileSync(pidfile, 'utf8')).toBe(`${gateway.pid}\n`);
    expect(statSync(pidfile).mode & 0o777).toBe(0o644);
  });

  it('that names another statelessd, started after the one that wrote it, is written anew', async () => {
    const other = await start({});
    await writeFile(pidfile, `${other.pid}\n`);
    const gateway = await start({ daemon: { pidfile } });
    expect(readFileSync(pidfile, 'utf8')).toBe(`${gateway.pid}\n`);
  });

  it('of a statelessd that lives keeps a second one out', async () => {
    const gateway = await start({ daemon: { pidfile } });
    expect(await refusal({ daemon: { pidfile } })).toContain(`process ${gateway.pid} runs already`);
    expect(readFileSync(pidfile, 'utf8')).toBe(`${gateway.pid}\n`);
    gateway.kill('SIGHUP');
    await gateway.says('"reloaded"');
    expect(await refusal({ daemon: { pidfile } })).toContain(`process ${gateway.pid} runs already`);
    expect(await gateway.stop()).toBe(0);
    expect(existsSync(pidfile)).toBe(false);
  });
});

describe('a Unix socket', () => {
  it('whose process lives and is too busy to accept is not taken over', async () => {
    const listen = `use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un($ARGV[0])); listen(S, 0); sleep 600`;
    await listening(stranger('perl', '-e', listen, socket), socket);
    const waiting = connect(socket);
    onTestFinished(() => void waiting.destroy());
    await once(waiting, 'connect');
    const { ino } = statSync(socket);
    expect(await refusal({ ports: 0, http: { sockets: [socket] } })).toContain(
      `cannot listen on unix:${socket}: EADDRINUSE: another process listens there`,
    );
    expect(statSync(socket).ino).toBe(ino);
  });

  it('that is a symbolic link is left alone', async () => {
    await writeFile(join(directory, 'precious'), 'precious');
    await symlink(join(directory, 'precious'), socket);
    expect(await refusal({ ports: 0, http: { sockets: [socket] } })).toContain('there is something that is no socket');
    expect(readFileSync(socket, 'utf8')).toBe('precious');
  });

  it('has its mode whatever the umask, and the files beside it have what the umask says', async () => {
    const log = join(directory, 'log');
    const through = ['sh', '-c', 'umask 077; exec "$@"', 'sh'];
    const handlers = {
      file: { class: 'logging.FileHandler', filename: log },
      console: { class: 'logging.StreamHandler' },
    };
    const logging = {
      version: 1,
      handlers,
      loggers: { statelessd: { level: 'INFO', handlers: Object.keys(handlers) } },
    };
    await start({ ports: 0, http: { sockets: [socket] }, daemon: { pidfile }, logging, through });
    const modes = [socket, log, pidfile].map((path) => (statSync(path).mode & 0o777).toString(8));
    expect(modes).toEqual(['666', '600', '600']);
  });
});

describe('many reloads', () => {
  it('leave few processes behind, however many clients are idle', async () => {
    const gateway = await start({});
    const agents = Array.from({ length: 15 }, () => keepAliveAgent(1));
    onTestFinished(() => {
      for (const agent of agents) agent.destroy();
    });
    let most = 0;
    for (const [reload, agent] of agents.entries()) {
      expect((await http(gateway.port, '/healthz', { method: 'GET' }, agent)).status).toBe(200);
      gateway.kill('SIGHUP');
      await gateway.says('"reloaded"', reload + 1);
      most = Math.max(most, childrenOf(gateway.pid).length);
    }
    // The one that serves, and two that leave idle connections to their clients.
    expect(most).toBeLessThanOrEqual(3);
    expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
    const pids = childrenOf(gateway.pid).map(({ pid }) => pid);
    expect(await gateway.stop()).toBe(0);
    for (const pid of pids) await ended(pid);
  });

  it('that come at once are one or two', async () => {
    const gateway = await start({});
    for (let times = 0; times < 50; times += 1) gateway.kill(times % 2 === 0 ? 'SIGHUP' : 'SIGUSR1');
    await gateway.says('"reloaded"', 1);
    gateway.kill('SIGUSR2');
    await gateway.says('"message":"state"');
    expect(await gateway.stop()).toBe(0);
    expect(gateway.stderr.split('"reloaded"').length - 1).toBeLessThanOrEqual(3);
  });
});

describe('standard output', () => {
  it('that nobody reads to its end is no error', () => {
    const program = `"${process.execPath}" "${PROGRAM}" --check; echo "status $?" >&2`;
    const { stderr, stdout } = ((): { stderr: string; stdout: string } => {
      const file = join(directory, 'stderr');
      const text = execFileSync('sh', ['-c', `{ ${program}; } 2>"$0" | head -c 1`, file], { encoding: 'utf8' });
      return { stdout: text, stderr: readFileSync(file, 'utf8') };
    })();
    expect([stdout, stderr]).toEqual(['D', 'status 0\n']);
  });
});

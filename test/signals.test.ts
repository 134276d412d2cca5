import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { claimFreePort } from '../wrangler-free-local/ports.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { FORM, http } from './support/http.ts';
import { backendOn, backendsOf, childrenOf, isAlive, statusOf } from './support/processes.ts';
import { Topology } from './support/topology.ts';

const PROGRAM = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

/** As Node says it when its debugger listens. */
const DEBUGGER = /Debugger listening/;

async function start(settings: Settings = {}): Promise<GatewayProcess> {
  const gateway = await gatewayForTest(settings);
  return gateway;
}

/** The fields of the last log line with this sentence. */
function lastLine(gateway: GatewayProcess, sentence: string): Record<string, unknown> {
  const line = gateway.stderr.split('\n').findLast((each) => each.includes(`"message":"${sentence}"`));
  return JSON.parse(line ?? '{}');
}

describe('a signal', () => {
  it.each(['SIGHUP', 'SIGUSR1'] as const)(
    '%s reads the configuration again, and rolls the backends',
    async (signal) => {
      const gateway = await start();
      const { pid } = backendOn(gateway.pid, gateway.port);
      await gateway.reconfigure(`HTTPServer: {ports: [${gateway.port}], max_body_size: 100}\n`);
      gateway.kill(signal);
      await gateway.says('"reloaded"');
      expect(backendsOf(gateway.pid).map((backend) => backend.pid)).not.toEqual([pid]);
      const headers = { ...FORM, authorization: 'Basic YTpi' };
      expect((await http(gateway.port, '/v/x/k', { body: `body=${'x'.repeat(200)}`, headers })).status).toBe(413);
    },
  );

  it('SIGUSR1 with a configuration that is bad changes nothing, and is logged', async () => {
    const gateway = await start();
    const { pid } = backendOn(gateway.pid, gateway.port);
    await gateway.reconfigure('HTTPServer: {prots: [8000]}\n');
    gateway.kill('SIGUSR1');
    await gateway.says('not reloaded; the old configuration stays');
    expect(lastLine(gateway, 'not reloaded; the old configuration stays')).toMatchObject({
      level: 'error',
      reason: expect.stringContaining('HTTPServer.prots'),
    });
    expect(backendOn(gateway.pid, gateway.port).pid).toBe(pid);
  });

  it('SIGUSR2 logs one line of state', async () => {
    const topology = await Topology.create();
    onTestFinished(() => topology.delete());
    await topology.exchangeWithQueue();
    const gateway = await start({ ports: 2 });
    for (const port of [gateway.port, gateway.port, gateway.ports[1] ?? 0]) {
      const path = `/${topology.segment}/x/k`;
      expect((await http(port, path, { user: topology.user, body: 'body=x', headers: FORM })).status).toBe(204);
    }
    gateway.kill('SIGUSR2');
    await gateway.says('"message":"state"');
    expect(lastLine(gateway, 'state')).toMatchObject({
      level: 'info',
      logger: 'statelessd',
      listening: gateway.ports.map((port) => `[::]:${port}`).join(', '),
      backends: 2,
      silent: 0,
      ready: 2,
      blocked: false,
      connected: 2,
      published: 3,
      in_flight: 0,
      held: 0,
      held_bytes: 0,
    });
    expect(gateway.stderr.split('"message":"state"')).toHaveLength(2);
    expect(gateway.stderr).not.toContain(topology.user.password);
  });

  it('SIGQUIT finishes what is in flight, and ends with 0', async () => {
    const gateway = await start();
    gateway.kill('SIGQUIT');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(lastLine(gateway, 'stopping')).toMatchObject({ signal: 'SIGQUIT' });
  });

  it.each(['SIGUSR1', 'SIGUSR2', 'SIGQUIT', 'SIGALRM', 'SIGHUP', 'SIGINT'] as const)(
    '%s to a backend ends nothing, and opens no debugger',
    async (signal) => {
      const gateway = await start();
      const { pid } = backendOn(gateway.pid, gateway.port);
      process.kill(pid, signal);
      // By its answer the signal has come.
      const stats = JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text);
      expect([stats.pid, isAlive(pid)]).toEqual([pid, true]);
      expect(gateway.stderr).not.toMatch(DEBUGGER);
      expect(gateway.stderr).not.toContain('a backend died');
    },
  );

  it('opens no debugger, and only those that are meant to end it do', async () => {
    const gateway = await start();
    for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const) gateway.kill(signal);
    await gateway.says('"reloaded"');
    await gateway.says('"message":"state"');
    expect((await http(gateway.port, '/healthz', { method: 'GET' })).status).toBe(200);
    expect(await gateway.stop()).toBe(0);
    expect(gateway.stderr).not.toMatch(DEBUGGER);
  });

  it('opens no debugger either while the program starts, in supervisor and backends', async () => {
    const { port, release } = await claimFreePort();
    onTestFinished(release);
    const env = { ...process.env, STATELESSD__HTTPSERVER__PORTS: String(port) };
    const child = spawn(process.execPath, [PROGRAM], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const exited = once(child, 'exit');
    onTestFinished(async () => {
      child.kill('SIGTERM');
      await exited;
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const pid = child.pid ?? 0;
    const family = (): number[] => [pid, ...childrenOf(pid).map((each) => each.pid)];
    // From the moment at which it is no longer deadly until long after all are ready.
    let reloads = 0;
    while (reloads < 3) {
      for (const each of family()) if (catchesUsr1(each)) process.kill(each, 'SIGUSR1');
      await delay(5);
      reloads = said.split('"reloaded"').length - 1;
    }
    expect(family().filter(hasDebugger)).toEqual([]);
    expect((await http(port, '/healthz', { method: 'GET' })).status).toBe(200);
  });
});

const SIGUSR1_BIT = 1n << 9n;

const catchesUsr1 = (pid: number): boolean => (BigInt(`0x${statusOf(pid).SigCgt ?? '0'}`) & SIGUSR1_BIT) !== 0n;

/** Whether a process listens on the debugger's port, 9229. */
function hasDebugger(pid: number): boolean {
  const listening = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, local, , state, , , , , , inode]) =>
      local?.endsWith(':240D') && state === '0A' ? [`socket:[${inode}]`] : [],
    );
  const open = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return open.some((link) => listening.includes(link));
}

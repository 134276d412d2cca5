import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { claimFreePort } from '../wrangler-free-local/ports.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { http } from './support/http.ts';
import { NotifyReceiver } from './support/notify-receiver.ts';
import { backendOn, backendsOf } from './support/processes.ts';

const UNIT = readFileSync(new URL('../config/statelessd.service', import.meta.url), 'utf8');

const answers = async (port: number): Promise<number> => (await http(port, '/healthz', { method: 'GET' })).status;

async function startReceiver(): Promise<NotifyReceiver> {
  const receiver = await NotifyReceiver.start();
  onTestFinished(() => receiver.close());
  return receiver;
}

async function start(settings: Settings): Promise<GatewayProcess> {
  const gateway = await gatewayForTest(settings);
  return gateway;
}

/** A gateway that has said that it is ready. */
async function startNotifying(): Promise<{ readonly receiver: NotifyReceiver; readonly gateway: GatewayProcess }> {
  const receiver = await startReceiver();
  const gateway = await start({ through: ['env', `NOTIFY_SOCKET=${receiver.socket}`] });
  await receiver.next();
  return { receiver, gateway };
}

describe('systemd is told', () => {
  it('that the program is ready once every backend answers, and where', async () => {
    const receiver = await startReceiver();
    const claims = await Promise.all([claimFreePort(), claimFreePort(), claimFreePort()]);
    onTestFinished(() => {
      for (const { release } of claims) release();
    });
    const ports = claims.map(({ port }) => port);
    const starting = start({ ports: 0, http: { ports }, through: ['env', `NOTIFY_SOCKET=${receiver.socket}`] });
    const notification = await receiver.next();
    expect(await Promise.all(ports.map(answers))).toEqual([200, 200, 200]);
    expect(notification).toEqual({
      READY: '1',
      STATUS: `listening on ${ports.map((port) => `[::]:${port}`).join(', ')}`,
    });
    await starting;
  });

  it('that it reloads, and when the new backends have taken over', async () => {
    const { receiver, gateway } = await startNotifying();
    const { pid } = backendOn(gateway.pid, gateway.port);
    gateway.kill('SIGHUP');
    expect(await receiver.next()).toEqual({ RELOADING: '1', MONOTONIC_USEC: expect.stringMatching(/^\d+$/) });
    expect(await receiver.next()).toEqual({ READY: '1', STATUS: `listening on [::]:${gateway.port}` });
    expect(backendsOf(gateway.pid).some((backend) => backend.pid !== pid)).toBe(true);
  });

  it('that it is ready again after a reload that was refused, and why it was', async () => {
    const { receiver, gateway } = await startNotifying();
    await gateway.reconfigure('HTTPServer:\n  prots: [8000]\n  workers: many\n');
    gateway.kill('SIGHUP');
    expect(await receiver.next()).toMatchObject({ RELOADING: '1' });
    const { READY, STATUS, ...others } = await receiver.next();
    expect([READY, others]).toEqual(['1', {}]);
    expect(STATUS).toMatch(
      /^listening on \[::\]:\d+; not reloaded, the old configuration stays: .*HTTPServer.prots.*HTTPServer.workers/,
    );
    expect(await answers(gateway.port)).toBe(200);
  });

  it('that it stops, before it ends', async () => {
    const { receiver, gateway } = await startNotifying();
    gateway.kill('SIGTERM');
    expect(await receiver.next()).toMatchObject({ STOPPING: '1' });
    expect((await gateway.exited).code).toBe(0);
  });
});

describe('where systemd', () => {
  const WARNING = 'systemd cannot be told';

  it.each([
    ['does not listen', ['NOTIFY_SOCKET=/nowhere/notify']],
    ['has no systemd-notify', ['NOTIFY_SOCKET=/nowhere/notify', 'PATH=/nowhere']],
  ])('%s, the program warns once and serves all the same', async (_, variables) => {
    const gateway = await start({ through: ['env', ...variables] });
    await gateway.says(WARNING);
    gateway.kill('SIGHUP');
    await gateway.says('reloaded');
    expect(await answers(gateway.port)).toBe(200);
    expect(await gateway.stop()).toBe(0);
    expect(gateway.stderr.split(WARNING)).toHaveLength(2);
  });

  it('did not start the program, it is not spoken to', async () => {
    const gateway = await start({ through: ['env', '--unset=NOTIFY_SOCKET', 'PATH=/nowhere'] });
    expect(await gateway.stop()).toBe(0);
    expect(gateway.stderr).not.toContain(WARNING);
  });
});

describe('config/statelessd.service', () => {
  const analyze = (...args: readonly string[]) => {
    const directory = mkdtempSync(join(tmpdir(), 'statelessd-unit-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const unit = join(directory, 'statelessd.service');
    // A program that is there, in place of one that has not been installed.
    writeFileSync(unit, UNIT.replace('/usr/local/bin/statelessd', process.execPath));
    return spawnSync('systemd-analyze', [...args, unit], { encoding: 'utf8' });
  };

  it('has nothing that systemd-analyze verify would mend', () => {
    expect(analyze('verify', '--man=no', '--recursive-errors=no')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('exposes little, as systemd-analyze security judges it', () => {
    const { status, stdout } = analyze('security', '--offline=true', '--threshold=20');
    expect(stdout).toContain('Overall exposure level for statelessd.service: 1.');
    expect(status).toBe(0);
  });

  it('gives a stop more time than drain_timeout', () => {
    const program = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
    const { stdout } = spawnSync(process.execPath, [program, '--check'], { encoding: 'utf8' });
    const drainTimeout = Number(/drain_timeout: (\d+)/.exec(stdout)?.[1]);
    expect(Number(/^TimeoutStopSec=(\d+)/m.exec(UNIT)?.[1])).toBeGreaterThan(drainTimeout + 2);
  });
});

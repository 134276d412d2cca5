import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Agent } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { gatewayForTest, socketForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { type Answer, http, raw } from './support/http.ts';
import { backendOn } from './support/processes.ts';

describe('with few file descriptors', () => {
  const start = (descriptors: number): Promise<GatewayProcess> =>
    gatewayForTest({
      through: ['sh', '-c', `ulimit -n ${descriptors} && exec "$@"`, 'sh'],
    });

  it.each([64, 256])(
    '%i of them, idle connections make room for new ones, and the log says so once',
    async (descriptors) => {
      const gateway = await start(descriptors);
      for (let n = 0; n < 2 * descriptors; n += 1) await socketForTest(gateway.port);
      for (const path of ['/healthz', '/stats', '/metrics', '/']) {
        const answer = await http(gateway.port, path, { method: 'GET' });
        expect([path, answer.status]).toEqual([path, 200]);
      }
      const { clients, descriptors_exhausted: exhausted } = JSON.parse(
        (await http(gateway.port, '/stats', { method: 'GET' })).text,
      );
      expect(clients.max).toBeLessThan(descriptors);
      expect(clients.open).toBeLessThanOrEqual(clients.max);
      expect(clients.made_room).toBeGreaterThan(0);
      expect(exhausted).toBe(0);
      expect(gateway.stderr.split('too few file descriptors').length - 1).toBe(1);
      expect(gateway.stderr).toContain(`"max_connections":${clients.max}`);
    },
  );

  it('none left, the log and the metrics say so, /stats is served, and it recovers', async () => {
    const gateway = await start(256);
    const { pid } = backendOn(gateway.pid, gateway.port);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const ask = (path: string): Promise<Answer> => http(gateway.port, path, { method: 'GET' }, agent);
    expect((await ask('/metrics')).status).toBe(200);
    const used = readdirSync(`/proc/${pid}/fd`).length;
    const limit = (descriptors: number): void => {
      execFileSync('prlimit', ['--pid', String(pid), `--nofile=${descriptors}:`]);
    };
    limit(used);
    for (let n = 0; n < 20; n += 1) await socketForTest(gateway.port);
    await gateway.says('out of file descriptors');
    const { status, text } = await ask('/stats');
    expect(status).toBe(200);
    expect(JSON.parse(text).descriptors_exhausted).toBeGreaterThan(0);
    expect((await ask('/metrics')).text).toMatch(/^statelessd_descriptors_exhausted_total [1-9]/m);
    limit(used + 64);
    await expect
      .poll(() => raw(gateway.port, 'GET /healthz HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n').catch(() => ''), {
        timeout: 20_000,
      })
      .toMatch(/^HTTP\/1\.1 200 /);
  });
});

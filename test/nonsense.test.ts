import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess } from './support/gateway.ts';
import { http } from './support/http.ts';
import { backendOn, isAlive } from './support/processes.ts';

const PRELOADED = fileURLToPath(new URL('support/nonsense.mjs', import.meta.url));

async function startWith(kind: string): Promise<GatewayProcess> {
  const through = ['env', `NONSENSE=${kind}`, `NODE_OPTIONS=--import=${PRELOADED}`];
  const gateway = await gatewayForTest({ ports: 2, through });
  return gateway;
}

const get = (port: number, path: string) => http(port, path, { method: 'GET' });

describe('a supervisor whose backends have been taken over', () => {
  it('ignores messages that are none, and says so once for each backend', async () => {
    const gateway = await startWith('messages');
    const FAULT = 'a backend is not as it should be';
    await gateway.says(FAULT, 2);
    const pids = gateway.ports.map((port) => backendOn(gateway.pid, port).pid);
    gateway.kill('SIGHUP');
    await gateway.says('"reloaded"');
    await gateway.says(FAULT, 4);
    expect(gateway.ports.map((port) => backendOn(gateway.pid, port).pid)).not.toEqual(pids);
    expect((await get(gateway.port, '/healthz')).status).toBe(200);
    expect(await gateway.stop()).toBe(0);
    expect(gateway.stderr.split(FAULT)).toHaveLength(5);
  });

  it('takes no snapshot that is none into account', async () => {
    const gateway = await startWith('snapshots');
    for (const port of gateway.ports) {
      const { status, text } = await get(port, '/stats?scope=all');
      expect(status).toBe(200);
      expect(JSON.parse(text)).toMatchObject({
        backends: [],
        silent: gateway.ports.map((own) => ({ port: own, worker: 0 })),
      });
      expect((await get(port, '/metrics?scope=all')).status).toBe(200);
      expect((await get(port, '/stats')).status).toBe(200);
    }
    gateway.kill('SIGUSR2');
    await gateway.says('"message":"state"');
    expect(gateway.stderr).not.toContain('a backend died');
  });

  it('replaces those that break the channel itself', async () => {
    const gateway = await startWith('bytes');
    gateway.kill('SIGUSR2');
    await gateway.says('it sends what is no message, and is ended', 2);
    await gateway.says('a backend died and is replaced', 2);
    const isServed = async () => (await get(gateway.port, '/healthz')).status;
    await expect.poll(isServed, { timeout: 20_000 }).toBe(200);
    expect(isAlive(gateway.pid)).toBe(true);
    expect(await gateway.stop()).toBe(0);
  });
});

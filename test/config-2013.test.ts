import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClaimedPort, claimFreePort } from '../wrangler-free-local/ports.ts';
import { FORM, http } from './support/http.ts';
import { Topology } from './support/topology.ts';

const sample = readFileSync(new URL('fixtures/statelessd-2013.yaml', import.meta.url), 'utf8');
const program = new URL('../dist/cli.js', import.meta.url).pathname;

describe('the configuration file of 2013', () => {
  let topology: Topology;
  let claims: ClaimedPort[];
  let directory: string;
  let file: string;
  let pidfile: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    claims = await Promise.all(Array.from({ length: 5 }, claimFreePort));
    directory = mkdtempSync(join(tmpdir(), 'statelessd-2013-'));
    file = join(directory, 'statelessd.yaml');
    pidfile = join(directory, 'run', 'statelessd.pid');
    const adapted = sample
      .replace('[8000, 8001, 8002, 8003, 8004]', `[${claims.map(({ port }) => port).join(', ')}]`)
      .replace('port: 5672', `port: ${topology.broker.port}`)
      .replace('user: nginx', 'user: nobody')
      .replace('/var/run/statelessd/statelessd.pid', pidfile);
    writeFileSync(file, adapted);
  });
  afterAll(async () => {
    for (const claim of claims) claim.release();
    rmSync(directory, { recursive: true });
    await topology.delete();
  });

  it('runs: publishes on every port, with its own routes, and writes its pidfile', async () => {
    const child = spawn(process.execPath, [program, '-c', file], { stdio: ['ignore', 'inherit', 'pipe'] });
    const exited = once(child, 'exit');
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    while (said.split('listening on').length <= claims.length) {
      if (child.exitCode !== null) throw new Error(said);
      await Promise.race([once(child.stderr, 'data'), exited]);
    }
    expect(readFileSync(pidfile, 'utf8')).toBe(`${child.pid}\n`);
    for (const { port } of claims) {
      for (const key of ['foo.bar.baz', '']) {
        const path = `/${topology.segment}/x/${key}`;
        expect((await http(port, path, { user: topology.user, body: 'body=x', headers: FORM })).status).toBe(204);
      }
      expect((await http(port, '/stats', { method: 'GET' })).status).toBe(200);
      expect((await http(port, '/', { method: 'GET' })).status).toBe(200);
      expect((await http(port, '/healthz', { method: 'GET' })).status).toBe(200);
    }
    expect((await topology.drain()).map(({ fields }) => fields.routingKey).toSorted()).toEqual([
      ...Array(5).fill(''),
      ...Array(5).fill('foo.bar.baz'),
    ]);
    const second = spawnSync(process.execPath, [program, '-c', file], { encoding: 'utf8' });
    expect([second.status, second.stderr]).toEqual([69, expect.stringContaining(`process ${child.pid} runs already`)]);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(existsSync(pidfile)).toBe(false);
  });

  it('is not kept from starting by the pidfile of a process that is gone', async () => {
    const { pid } = spawnSync('true');
    writeFileSync(pidfile, `${pid}\n`);
    const child = spawn(process.execPath, [program, '-c', file], { stdio: ['ignore', 'inherit', 'pipe'] });
    const exited = once(child, 'exit');
    await once(child.stderr, 'data');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

describe('the command', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'statelessd-test-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    spawnSync(process.execPath, [join(root, 'dist/cli.js'), ...args], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
    });
  const file = (text: string): string => {
    const path = join(directory, 'statelessd.yaml');
    writeFileSync(path, text);
    return path;
  };

  it('prints its version', () => {
    expect(run(['--version'])).toMatchObject({ status: 0, stdout: 'statelessd 1.0.0\n' });
  });

  it('prints how it is used', () => {
    const { status, stdout } = run(['--help']);
    expect([status, stdout]).toEqual([0, expect.stringContaining('statelessd [-c FILE] [--check]')]);
  });

  it('exits 78 for an argument that it does not know, and says which', () => {
    const { status, stderr } = run(['--verbose']);
    expect([status, stderr]).toEqual([78, expect.stringContaining("'--verbose'")]);
  });

  it('exits 78 for a typo in the configuration, and names file, line, key and what was expected', () => {
    const path = file('Application:\n  rabbitmq:\n    hots: localhost\n');
    const { status, stderr } = run(['-c', path]);
    expect(status).toBe(78);
    expect(stderr).toContain(`${path}:3: Application.rabbitmq.hots: unknown key`);
    expect(stderr).toContain('host');
  });

  it('exits 78 for a wrong type', () => {
    const path = file('HTTPServer:\n  ports: [8000]\n  workers: many\n');
    const { status, stderr } = run(['-c', path]);
    expect([status, stderr]).toEqual([78, expect.stringContaining(`${path}:3: HTTPServer.workers: expected`)]);
  });

  it('exits 78 for a file that is not there', () => {
    const { status, stderr } = run(['-c', join(directory, 'none.yaml')]);
    expect([status, stderr]).toEqual([78, expect.stringContaining('none.yaml')]);
  });

  it('exits 78 for a variable that it does not know', () => {
    const { status, stderr } = run(['--check'], { STATELESSD__HTTPSERVER__PORT: '8000' });
    expect([status, stderr]).toEqual([78, expect.stringContaining('STATELESSD__HTTPSERVER__PORT')]);
  });

  it('exits 78 for a key file that cannot be read, before any port is opened', () => {
    const path = file('HTTPServer:\n  tls: {cert: /nowhere/c.pem, key: /nowhere/k.pem}\n');
    const { status, stderr } = run(['-c', path]);
    expect([status, stderr]).toEqual([78, expect.stringContaining('HTTPServer.tls.cert')]);
  });

  it('--check validates and prints what is in effect', () => {
    const path = file('HTTPServer:\n  ports: [8001]\n');
    const { status, stdout } = run(['-c', path, '--check'], { STATELESSD__APPLICATION__RABBITMQ__HOST: 'broker' });
    expect(status).toBe(0);
    expect(stdout).toContain('host: broker');
    expect(stdout).toMatch(/ports:\s*(\[ ?8001 ?\]|\n\s+- 8001)/);
    const again = run(['-c', file(stdout), '--check']);
    expect([again.status, again.stdout]).toEqual([0, stdout]);
  });

  it('exits 69 for a port that is taken, and names it', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const { status, stderr } = run(['-c', file(`HTTPServer:\n  ports: [${port}]\n  address: 127.0.0.1\n`)]);
    server.close();
    expect([status, stderr]).toEqual([69, expect.stringContaining(`127.0.0.1:${port}`)]);
  });

  it('exits 70 for an error of its own, and tells it', () => {
    const fault = `const timer = setInterval(() => {
      if (process.title !== 'statelessd: supervisor') return;
      clearInterval(timer);
      throw new Error('of its own');
    }, 1).unref();`;
    const path = file(`HTTPServer: {ports: [], sockets: [${join(directory, 'statelessd.sock')}]}\n`);
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(fault)}` };
    const { status, stderr } = run(['-c', path], env);
    expect([status, stderr]).toEqual([70, expect.stringContaining('Error: of its own')]);
  });

  it('the sample configurations are valid', () => {
    for (const name of ['statelessd.yaml', 'minimal.yaml'])
      expect(run(['-c', join(root, 'config', name), '--check']).stderr).toBe('');
  });
});

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway.ts';
import { propertiesOf, Topology } from '../support/topology.ts';

/** From the README of 2013, as it stands. */
const LINE = 'curl --verbose -d body=hi -d "content-type=text/plain" http://guest:guest@localhost:8000/test/test/foo';

const MEBIBYTE = 1024 * 1024;
const ALL_BYTES = Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => byte));

describe('curl', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let directory: string;

  beforeAll(async () => {
    topology = Topology.sample('test');
    gateway = await GatewayProcess.start();
    directory = mkdtempSync(join(tmpdir(), 'statelessd-test-'));
  });
  beforeEach(async () => {
    await topology.drain('test');
  });
  afterAll(async () => {
    if (directory) rmSync(directory, { recursive: true });
    await gateway?.stop();
  });

  const url = (): string => `http://guest:guest@localhost:${gateway.port}/test/test/foo`;
  const curl = (args: readonly string[], input?: Uint8Array): SpawnSyncReturns<string> =>
    spawnSync('curl', ['--silent', '--show-error', ...args, url()], { encoding: 'utf8', input });

  it('publishes with the line of the README of 2013, and nothing is added', async () => {
    const { status, stderr, stdout } = spawnSync(LINE.replace('8000', String(gateway.port)), {
      shell: true,
      encoding: 'utf8',
    });
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toContain('< HTTP/1.1 204 No Content');
    const message = await topology.only('test');
    expect(message.content.toString()).toBe('hi');
    expect(message.fields).toMatchObject({ exchange: 'test', routingKey: 'foo' });
    expect(propertiesOf(message)).toEqual({ contentType: 'text/plain', deliveryMode: 1 });
  });

  it('publishes a file with -F, byte for byte, and its properties beside it', async () => {
    const file = join(directory, 'body.png');
    writeFileSync(file, ALL_BYTES);
    expect(curl(['--fail', '-F', `body=@${file}`, '-F', 'priority=7']).status).toBe(0);
    const message = await topology.only('test');
    expect(message.content.equals(ALL_BYTES)).toBe(true);
    expect(propertiesOf(message)).toEqual({ deliveryMode: 1, priority: 7 });
  });

  it('publishes what it reads from a pipe as it is', async () => {
    const type = ['-H', 'Content-Type: application/octet-stream'];
    expect(curl(['--fail', '--data-binary', '@-', ...type], ALL_BYTES).status).toBe(0);
    const message = await topology.only('test');
    expect(message.content.equals(ALL_BYTES)).toBe(true);
    expect(propertiesOf(message)).toEqual({ deliveryMode: 1, contentType: 'application/octet-stream' });
  });

  it('sends a large body after it was told to go on', async () => {
    const body = randomBytes(3 * MEBIBYTE);
    const { status, stderr } = curl(
      ['--fail', '--verbose', '--data-binary', '@-', '-H', 'Content-Type: application/octet-stream'],
      body,
    );
    expect(status).toBe(0);
    expect(stderr).toMatch(/> Expect: 100-continue[\s\S]*< HTTP\/1\.1 100 Continue[\s\S]*< HTTP\/1\.1 204 No Content/);
    expect((await topology.only('test')).content.equals(body)).toBe(true);
  });

  it.each([
    ['asks first', ['-H', 'Expect: 100-continue']],
    ['sends it all the same', ['-H', 'Expect:']],
    ['does not say how large', ['-H', 'Expect:', '-H', 'Transfer-Encoding: chunked']],
  ])('reads that an upload of 20 MB is too large: one that %s', async (_, headers) => {
    const { status, stdout } = curl(
      ['--fail', '-D', '-', '-o', '/dev/null', '-w', '%{http_code}', '--data-binary', '@-', ...headers],
      new Uint8Array(20_000_000),
    );
    expect(status).toBe(22);
    expect(stdout).toMatch(/^HTTP\/1\.1 413 /);
    expect(stdout).toContain('Statelessd-Error: body-too-large; published=no');
    expect(stdout).toMatch(/413$/);
    expect(await topology.drain('test')).toEqual([]);
  });

  it('reads why its credentials are refused', async () => {
    const { status, stdout } = curl(['-w', '\n%{http_code}', '-u', 'guest:wrong', '-d', 'body=hi']);
    const [problem = '', code] = stdout.split('\n');
    expect([status, code]).toEqual([0, '401']);
    expect(JSON.parse(problem)).toMatchObject({ type: 'urn:statelessd:unauthenticated', published: 'no' });
  });
});

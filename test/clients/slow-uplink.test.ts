import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway.ts';
import { SlowUplink } from '../support/slow-uplink.ts';
import { Topology } from '../support/topology.ts';

const run = promisify(execFile);
const SIZE = 3_000_000;
const BYTES_PER_SECOND = 1_000_000;
const script = (name: string): string => new URL(`slow/${name}`, import.meta.url).pathname;

describe('over a slow uplink, a client that sends credentials only after a 401', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let uplink: SlowUplink;
  let directory: string;
  let file: string;
  let url: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start();
    uplink = await SlowUplink.start(gateway.port, BYTES_PER_SECOND);
    directory = await mkdtemp(join(tmpdir(), 'statelessd-test-'));
    file = join(directory, 'body');
    await writeFile(file, 'x'.repeat(SIZE));
    url = `http://127.0.0.1:${uplink.port}/${topology.segment}/x/k`;
  });
  afterAll(async () => {
    await uplink.close();
    await gateway.stop();
    await topology.delete();
    await rm(directory, { recursive: true, force: true });
  });

  const received = async (): Promise<number[]> => (await topology.drain()).map(({ content }) => content.length);

  it('publishes with wget', async () => {
    const { username, password } = topology.user;
    const { stderr } = await run('wget', [
      ...['-O', '-', '--tries=1', '--header=Content-Type: text/plain', `--post-file=${file}`],
      ...[`--user=${username}`, `--password=${password}`, url],
    ]);
    expect(stderr).toMatch(/ 401 .* 204 /s);
    expect(await received()).toEqual([SIZE]);
  });

  it("publishes with Java's HttpURLConnection and an Authenticator", async () => {
    const { username, password } = topology.user;
    const { stdout } = await run('java', [script('Post.java'), url, username, password, file]);
    expect(stdout.trim()).toBe('204');
    expect(await received()).toEqual([SIZE]);
  });

  it("publishes with Python's urllib", async () => {
    const { username, password } = topology.user;
    const { stdout } = await run('/usr/bin/python3', [script('post.py'), url, username, password, file]);
    expect(stdout.trim()).toBe('204');
    expect(await received()).toEqual([SIZE]);
  });

  it('reads its refusal though it goes on sending for longer than many clients at once are given', async () => {
    const socket = connect(uplink.port, '127.0.0.1');
    const answer = text(socket);
    socket.write(`POST /${topology.segment}/x/k HTTP/1.1\r\nHost: g\r\nContent-Length: ${SIZE}\r\n\r\n`);
    socket.end('x'.repeat(SIZE));
    expect(await answer).toMatch(/^HTTP\/1\.1 401 .*connection: close/is);
  });
});

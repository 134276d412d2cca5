/**
 * HTTP clients that strangers use, with what is odd about each: credentials only after a 401, half-closed connections,
 * HTTP/1.0 with keep-alive, offers of HTTP/2. As many messages are in the queue as the client saw 204s.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GatewayProcess } from '../support/gateway.ts';
import { basic } from '../support/http.ts';
import { SlowLink } from '../support/slow-link.ts';
import { Topology } from '../support/topology.ts';
import { type Outcome, run } from './support/run.ts';

const FOLDER = fileURLToPath(new URL('clients/', import.meta.url));
const PYTHON = '/usr/bin/python3';

/** Not UTF-8, and with everything in it that a form must escape. */
const BODY = Buffer.from('\x00\xff&=+% \r\nbody\x80', 'latin1');
const LARGE = randomBytes(9_000_000);
// The large body takes eight seconds, of which the kernel takes some: a gateway that closes soon after its 401 cuts it off.
const SLOW = 1_200_000;

const published = (count: number): number[] => Array.from({ length: count }, () => 204);

/** The statuses that a program printed, one a line. */
function statuses({ code, stdout, stderr }: Outcome): unknown {
  return code === 0 ? stdout.trim().split('\n').map(Number) : { code, stdout, stderr };
}

describe('published by clients that strangers use', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  let directory: string;
  let file: string;
  let largeFile: string;

  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start();
    directory = await mkdtemp(join(tmpdir(), 'statelessd-clients-'));
    file = join(directory, 'body');
    largeFile = join(directory, 'large');
    await writeFile(file, BODY);
    await writeFile(largeFile, LARGE);
    await promisify(execFile)('ecj', ['-proc:none', '-11', '-d', directory, `${FOLDER}JavaClient.java`]);
  });
  beforeEach(async () => {
    await topology.drain();
  });
  afterAll(async () => {
    await gateway?.stop();
    await topology?.delete();
    if (directory) await rm(directory, { recursive: true });
  });

  const urlOf = (key = 'k', port = gateway.port): string => `http://127.0.0.1:${port}/${topology.segment}/x/${key}`;
  const login = (): [string, string] => [topology.user.username, topology.user.password];
  const bodies = async (): Promise<Buffer[]> => (await topology.drain()).map(({ content }) => content);
  const java = (how: string, url: string, body: string): Promise<Outcome> =>
    run('java', ['-XX:TieredStopAtLevel=1', '-cp', directory, 'JavaClient', how, url, ...login(), body]);

  describe('curl', () => {
    it.each([
      ['as HTTP/1.0', ['--http1.0', '--data-binary', '@FILE', '-H', 'Content-Type: text/plain'], BODY],
      ['as HTTP/1.0, a form', ['--http1.0', '-d', 'body=hi'], Buffer.from('hi')],
      ['from a pipe, in chunks', ['-X', 'POST', '-T', '-', '-H', 'Expect:'], BODY],
      [
        'a file in chunks',
        ['--data-binary', '@FILE', '-H', 'Transfer-Encoding: chunked', '-H', 'Content-Type: a/b'],
        BODY,
      ],
      ['a part of a form', ['-F', 'body=@FILE'], BODY],
      ['a part with a type', ['-F', 'body=@FILE;type=image/png', '-F', 'priority=3'], BODY],
      ['an encoded field', ['--data-urlencode', 'body@FILE'], BODY],
      ['credentials after a 401', ['--anyauth', '--data-binary', '@FILE', '-H', 'Content-Type: text/plain'], BODY],
    ])('%s', async (_, options, body) => {
      const args = options.map((option) => option.replace('FILE', file));
      const how = ['--silent', '--show-error', '-o', '/dev/null', '-w', '%{http_code}', '-u', login().join(':')];
      expect(statuses(await run('curl', [...how, ...args, urlOf()], BODY))).toEqual([204]);
      expect(await bodies()).toEqual([body]);
    });
  });

  it.each([
    ["Python's requests", 5, () => run(PYTHON, [`${FOLDER}requests_client.py`, urlOf(), ...login(), file])],
    [
      "Python's http.client",
      10,
      () => run(PYTHON, [`${FOLDER}urllib_client.py`, 'on one connection', urlOf(), ...login(), file]),
    ],
    ["PHP's streams", 4, () => run('php', [`${FOLDER}streams.php`, urlOf(), ...login(), file])],
    ["Perl's HTTP::Tiny", 3, () => run('perl', [`${FOLDER}http_tiny.pl`, urlOf(), ...login(), file])],
    ["Ruby's net/http", 4, () => run('/usr/bin/ruby', [`${FOLDER}net_http.rb`, urlOf(), ...login(), file])],
    ["Java's HttpClient, which offers HTTP/2", 20, () => java('HttpClient', urlOf(), file)],
  ])('%s', async (_, count, post) => {
    expect(statuses(await post())).toEqual(published(count));
    const found = await bodies();
    expect(found).toHaveLength(count);
    expect(found).toContainEqual(BODY);
  });

  it('ab keeps its connections with HTTP/1.0', async () => {
    const options = ['-k', '-q', '-n', '200', '-c', '5', '-p', file, '-T', 'text/plain', '-A', login().join(':')];
    const { code, stdout } = await run('ab', [...options, urlOf()]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Complete requests: +200\n/);
    expect(stdout).not.toContain('Non-2xx');
    expect(stdout).toMatch(/Keep-Alive requests: +200\n/);
    expect(await bodies()).toEqual(Array.from({ length: 200 }, () => BODY));
  });

  it.each([
    ['ncat', ['ncat']],
    ['busybox nc', ['busybox', 'nc']],
  ])('%s, which closes its side once it has sent everything', async (_, [command = '', ...args]) => {
    const request = `POST /${topology.segment}/x/k HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic(topology.user)}\r\nContent-Length: 2\r\n\r\nhi`;
    const outcomes = Array.from({ length: 10 }, () =>
      run(command, [...args, '127.0.0.1', String(gateway.port)], request),
    );
    const answers = (await Promise.all(outcomes)).map(({ stdout }) => stdout);
    expect(answers.map((answer) => answer.split('\r\n')[0])).toEqual(
      published(10).map(() => 'HTTP/1.1 204 No Content'),
    );
    expect(await bodies()).toHaveLength(10);
  });

  describe('over a slow link, with credentials only after a 401', () => {
    let link: SlowLink;
    const clients: readonly (readonly [string, (url: string) => Promise<Outcome>])[] = [
      [
        'wget',
        (url) => {
          const [user, password] = login();
          const options = ['--tries=1', '-O', join(directory, 'answer'), `--user=${user}`, `--password=${password}`];
          return run('wget', [...options, '--header=Content-Type: a/b', `--post-file=${largeFile}`, url]);
        },
      ],
      ["Java's HttpURLConnection", (url) => java('HttpURLConnection', url, largeFile)],
      [
        "Python's urllib",
        (url) => run(PYTHON, [`${FOLDER}urllib_client.py`, 'after a 401', url, ...login(), largeFile]),
      ],
    ];
    const outcomes = new Map<string, Outcome>();
    const received = new Map<string, Buffer[]>();

    // All at once: each of them takes as long as the link.
    beforeAll(async () => {
      link = await SlowLink.start(gateway.port, SLOW);
      const keyed = clients.map(async ([name, post], index) => {
        outcomes.set(name, await post(urlOf(`slow${index}`, link.port)));
      });
      await Promise.all(keyed);
      const messages = await topology.drain();
      for (const [index, [name]] of clients.entries())
        received.set(
          name,
          messages.filter(({ fields }) => fields.routingKey === `slow${index}`).map(({ content }) => content),
        );
    });
    afterAll(async () => {
      await link?.close();
    });

    it.each(clients)('%s', (name) => {
      const { code, stderr } = outcomes.get(name) ?? {};
      expect(code, stderr).toBe(0);
      expect(received.get(name)?.map((body) => body.equals(LARGE))).toEqual([true]);
    });
  });

  it('wget, which asks without credentials first', async () => {
    const [user, password] = login();
    const options = ['--tries=1', '-S', '-O', join(directory, 'answer'), `--user=${user}`, `--password=${password}`];
    const { code, stderr } = await run('wget', [...options, '--post-data=body=hi', urlOf()]);
    expect(code).toBe(0);
    expect([...stderr.matchAll(/^ +HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)).toEqual(['401', '204']);
    expect((await bodies()).map(String)).toEqual(['hi']);
  });
});

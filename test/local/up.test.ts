import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { answersAmqp } from '../../wrangler-free-local/amqp-answer.ts';
import { type Broker, startBroker } from '../../wrangler-free-local/broker.ts';
import { type ClaimedPort, claimFreePort, isPortTaken } from '../../wrangler-free-local/ports.ts';
import { allGone, processesWith } from './processes.ts';
import { bodies, publish } from './sample-queue.ts';
import { deleteLocalBroker, localBroker, type ScriptProcess, startUp } from './script-process.ts';

const READY = 'Ctrl-C stops';

/** Runs a line as if it were pasted into a shell. */
async function paste(line: string): Promise<string> {
  return (await promisify(execFile)('sh', ['-c', line])).stdout;
}

function linesWith(words: string, output: string): string[] {
  return output.split('\n').filter((line) => line.includes(words));
}

function lineWith(words: string, output: string): string {
  const [line] = linesWith(words, output);
  if (line === undefined) throw new Error(`no line has "${words}":\n${output}`);
  return line;
}

const running: ScriptProcess[] = [];
let http: ClaimedPort;
let amqp: ClaimedPort;

/** Starts it on this file's port. Nothing listens where the configuration has RabbitMQ, unless a test says so. */
function up(args: readonly string[] = [], brokerPort = amqp.port): ScriptProcess {
  const started = startUp({ port: http.port, brokerPort }, args);
  running.push(started);
  return started;
}

async function stop(process: ScriptProcess): Promise<void> {
  process.interrupt();
  expect(await process.ended).toBe(0);
}

beforeAll(async () => {
  http = await claimFreePort();
  amqp = await claimFreePort();
});

afterAll(async () => {
  for (const process of running) process.kill();
  await allGone(localBroker(http.port));
  await deleteLocalBroker(http.port);
  http.release();
  amqp.release();
});

describe('scripts/up without a broker', () => {
  let first: ScriptProcess;
  let managementPort: number;

  beforeAll(async () => {
    first = up();
    await first.says(READY);
    managementPort = managementPortOf(first);
  });

  const managementPortOf = ({ output }: ScriptProcess) => Number(/http:\/\/localhost:(\d+)\/\n/.exec(output)?.[1]);

  test('prints a line that publishes as it is pasted, and one that shows the message', async () => {
    expect(await paste(lineWith('curl -i', first.output))).toMatch(/^HTTP\/1\.1 204 /);
    expect(await paste(lineWith('/queues/test/test/get', first.output))).toContain('"payload":"hi"');
  });

  test("serves the 2013 README's example as it stands", async () => {
    const url = `http://guest:guest@localhost:${http.port}/test/test/foo`;
    expect(await paste(`curl -s -i -d body=hi -d "content-type=text/plain" ${url}`)).toMatch(/^HTTP\/1\.1 204 /);
    const php = `http://guest:guest@localhost:${http.port}/%2f/test/foo.bar.baz`;
    const answer = await paste(`curl -s -i -d body=hi ${php}`);
    expect(answer).toMatch(/^HTTP\/1\.1 204 /);
    expect(answer).not.toContain('Unrouted');
  });

  test('says when its port is taken, and leaves the one that runs alone', async () => {
    const second = up();
    expect(await second.ended).toBe(69);
    expect(second.output).toContain(`Port ${http.port} is taken`);
    expect(await paste(lineWith('curl -i', first.output))).toMatch(/^HTTP\/1\.1 204 /);
  });

  test('stops all that it started on Ctrl-C, and finds the messages when it starts again', async () => {
    await publish({ managementPort }, 'kept');
    await stop(first);
    expect(processesWith(localBroker(http.port))).toEqual([]);
    expect(await isPortTaken(http.port, '::')).toBe(false);

    const again = up();
    await again.says(READY);
    expect(await bodies({ managementPort: managementPortOf(again) })).toContain('kept');
    await stop(again);
  });

  test('with --watch restarts statelessd after an edit, and not the broker', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-config-'));
    const file = join(directory, 'statelessd.yaml');
    await writeFile(file, 'HTTPServer: {ports: [1]}\n');
    try {
      const watching = up(['--watch', '--config', file]);
      await watching.says(READY);
      await publish({ managementPort: managementPortOf(watching) }, 'before the edit');
      await writeFile(file, 'HTTPServer: {ports: [2]}\n');
      await watching.says('listening on', 2);
      expect(await bodies({ managementPort: managementPortOf(watching) })).toContain('before the edit');
      await stop(watching);
      expect(processesWith(localBroker(http.port))).toEqual([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('takes everything down with it when it is killed', async () => {
    const killed = up();
    await killed.says(READY);
    killed.kill();
    expect(await allGone(localBroker(http.port))).toBe(true);
    await expect.poll(() => isPortTaken(http.port, '::'), { timeout: 15_000 }).toBe(false);
  });
});

describe('scripts/up with a broker that runs', () => {
  let broker: Broker | undefined;
  afterEach(() => broker?.close());

  test('publishes to it, and changes nothing in it', async () => {
    broker = await startBroker({ management: true });
    const before = await broker.api('GET', '/definitions');
    const process = up([], broker.port);
    await process.says(READY);
    const answer = await paste(lineWith('curl -i', process.output));
    expect(answer).toMatch(/^HTTP\/1\.1 204 /);
    expect(answer).toContain('Statelessd-Unrouted: 1');
    await stop(process);
    expect(await broker.api('GET', '/definitions')).toEqual(before);
    expect(await answersAmqp(broker)).toBe(true);
  });

  test('says so when guest may not log in there', async () => {
    broker = await startBroker({ definitions: { vhosts: [{ name: '/' }] } });
    const process = up([], broker.port);
    await process.says(READY);
    expect(process.output).toContain('may not log in');
    expect(lineWith('curl -i', process.output)).toContain('<user>:<password>@');
    await stop(process);
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answersAmqp } from '../../wrangler-free-local/amqp-answer.ts';
import { type Broker, startBroker } from '../../wrangler-free-local/broker.ts';
import { allGone, processesWith } from './processes.ts';
import { bodies, publish } from './sample-queue.ts';

const answers = ({ host, port }: Broker, timeoutMs?: number) => answersAmqp({ host, port }, timeoutMs);

describe('two private brokers at once', () => {
  let one: Broker;
  let two: Broker;
  beforeAll(async () => {
    [one, two] = await Promise.all([startBroker({ management: true }), startBroker({ management: true, name: 'two' })]);
  });
  afterAll(async () => {
    await Promise.all([one.close(), two.close()]);
  });

  test('know nothing of each other', async () => {
    await publish(one, 'for one');
    expect(await bodies(one)).toEqual(['for one']);
    expect(await bodies(two)).toEqual([]);
    expect(await one.rpcEval('nodes(connected)')).not.toContain(two.nodename);
  });

  test('listen on loopback only', async () => {
    const listeners = await one.rpcEval(
      '[element(2, inet:sockname(P)) || P <- erlang:ports(), erlang:port_info(P, name) =:= {name, "tcp_inet"}, ' +
        'element(1, inet:peername(P)) =:= error]',
    );
    expect(listeners).toContain(`{{127,0,0,1},${one.port}}`);
    expect(listeners).toContain(`{{127,0,0,1},${one.managementPort}}`);
    expect(listeners.match(/\{\{(?!127,0,0,1\})/g)).toBeNull();
  });

  test('are spoken to by rabbitmqctl and in Erlang', async () => {
    const { stdout, code } = await two.ctl(['--quiet', 'list_vhosts', '--no-table-headers']);
    expect({ code, vhosts: stdout.trim().split('\n').sort() }).toEqual({ code: 0, vhosts: ['/', 'test'] });
    expect((await two.ctl(['no-such-command'])).code).not.toBe(0);
    expect(await two.rpcEval('{node(), "ü", <<"é"/utf8>>}')).toBe(`{'${two.nodename}',"ü",<<"é"/utf8>>}`);
    await expect(two.rpcEval('exit(sorry)')).rejects.toThrow('{exit,sorry}');
    await expect(two.rpcEval('this is not Erlang')).rejects.toThrow('not an Erlang expression');
  });

  test('are silent while suspended, and resume', async () => {
    two.suspend();
    expect(await answers(two, 300)).toBe(false);
    two.resume();
    expect(await answers(two)).toBe(true);
  });

  test('have their durable messages, their ports, and what was changed, after a kill -9 and a start', async () => {
    const { port, pid } = two;
    await publish(two, 'survivor');
    await two.api('DELETE', '/users/guest');
    await two.kill();
    expect(await answers(two)).toBe(false);
    await two.start();
    expect(two.port).toBe(port);
    expect(two.pid).not.toBe(pid);
    expect(await bodies(two)).toEqual(['survivor']);
    expect(await two.api('GET', '/users/guest')).toMatchObject({ status: 404 });
  });

  test('leave no process and no directory behind when they are closed, even suspended', async () => {
    expect(processesWith(one.directory).length).toBeGreaterThanOrEqual(2);
    one.suspend();
    await one.close();
    expect(existsSync(one.directory)).toBe(false);
    expect(await allGone(one.directory)).toBe(true);
  });
});

test('a directory of its own keeps the messages for the next broker, and has one broker at a time', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'statelessd test with spaces '));
  try {
    const first = await startBroker({ directory, management: true });
    await publish(first, 'kept');
    await expect(startBroker({ directory })).rejects.toThrow(/a broker runs on .* already/);
    await first.close();
    const second = await startBroker({ directory, management: true });
    expect(await bodies(second)).toEqual(['kept']);
    await second.close();
    expect(await allGone(directory)).toBe(true);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('a broker that cannot boot says why', async () => {
  await expect(startBroker({ config: { channel_max: 'many' } })).rejects.toThrow('"many" cannot be converted');
});

test('kill -9 of the owner takes the broker down', async () => {
  const script = fileURLToPath(new URL('owner.ts', import.meta.url));
  const owner = spawn(process.execPath, ['--import', 'tsx', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line]: unknown[] = await once(createInterface(owner.stdout), 'line');
  const { port, directory } = v.parse(
    v.pipe(v.string(), v.parseJson(), v.object({ port: v.number(), directory: v.string() })),
    line,
  );
  try {
    expect(await answersAmqp({ host: '127.0.0.1', port })).toBe(true);
    // The Erlang VM and its port mapper at least.
    expect(processesWith(directory).length).toBeGreaterThanOrEqual(2);
    owner.kill('SIGKILL');
    expect(await allGone(directory)).toBe(true);
    expect(await answersAmqp({ host: '127.0.0.1', port })).toBe(false);
  } finally {
    owner.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
});

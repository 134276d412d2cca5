/**
 * A Celery worker runs tasks that are posted, with headers as Celery's own clients send them:
 * https://docs.celeryq.dev/en/stable/internals/protocol.html, version 2. (It reconnects for ever over integers of 8 and 16 bits.)
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { on, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { gatewayForTest } from '../support/for-test.ts';
import { FORM, http } from '../support/http.ts';
import { Topology } from '../support/topology.ts';

const WORKER = fileURLToPath(new URL('consumers/celery_worker.py', import.meta.url));

const BODY = JSON.stringify([[2, 3], {}, { callbacks: null, errbacks: null, chain: null, chord: null }]);

const propertiesOf = (id: string) => ({
  content_type: 'application/json',
  content_encoding: 'utf-8',
  correlation_id: id,
  headers: {
    lang: 'py',
    task: 'world.add',
    id,
    root_id: id,
    parent_id: null,
    group: null,
    shadow: null,
    eta: null,
    expires: null,
    retries: 200,
    timelimit: [300, 240],
    argsrepr: '(2, 3)',
    kwargsrepr: '{}',
    origin: 'the gateway',
  },
});

it('Celery runs the tasks that are posted', async () => {
  const topology = await Topology.create();
  onTestFinished(() => topology.delete());
  await topology.exchangeWithQueue();
  const gateway = await gatewayForTest();
  const { broker, vhost, user, segment } = topology;

  const [form, batch] = [randomUUID(), randomUUID()];
  const { headers, ...properties } = propertiesOf(form);
  const fields = { body: BODY, ...properties, headers: JSON.stringify(headers) };
  const posted = await http(gateway.port, `/${segment}/x/k`, {
    user,
    headers: FORM,
    body: new URLSearchParams(fields).toString(),
  });
  const listed = await http(gateway.port, `/${segment}/x`, {
    user,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ routing_key: 'k', body: BODY, ...propertiesOf(batch) }]),
  });
  expect([posted.text, listed.text]).toEqual(['', '']);

  const where = [String(broker.port), vhost, user.username, user.password, 'q', '2'];
  const worker = spawn('/usr/bin/python3', [WORKER, ...where], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', LC_ALL: 'C.UTF-8' },
  });
  const exited = once(worker, 'exit');
  onTestFinished(async () => {
    worker.kill('SIGKILL');
    await exited;
  });
  let stderr = '';
  worker.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const done: unknown[] = [];
  const lines = createInterface({ input: worker.stdout });
  for await (const [line] of on(lines, 'line', { close: ['close'] })) {
    // It also introduces itself.
    if (String(line).startsWith('{')) done.push(JSON.parse(String(line)));
    if (done.length === 2) break;
  }
  expect(done, stderr).toEqual([form, batch].map((id) => ({ id, sum: 5, retries: 200, limits: [300, 240] })));
});

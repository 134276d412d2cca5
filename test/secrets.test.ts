import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import { basic, FORM, http, raw } from './support/http.ts';
import { childrenOf } from './support/processes.ts';
import { SyslogReceiver } from './support/syslog-receiver.ts';
import { Topology } from './support/topology.ts';

/** Stands in every secret, also as Base64 would have it. */
const SECRET = 'hunter2hunter2hunter2';
const SPELLINGS = [0, 1, 2].map((offset) =>
  Buffer.from(`${'x'.repeat(offset)}${SECRET}`)
    .toString('base64')
    .replaceAll('=', '')
    .slice(offset + 1, -2),
);

describe('a secret', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());

  it('stands in no log, figure or command line, wherever a client puts it', async () => {
    const syslog = await SyslogReceiver.start();
    onTestFinished(() => syslog.close());
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-secrets-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = (name: string): string => join(directory, name);
    const handlers = {
      console: { class: 'logging.StreamHandler' },
      text: { class: 'logging.FileHandler', filename: file('text') },
      json: { class: 'logging.FileHandler', filename: file('json'), formatter: 'json' },
      syslog: { class: 'logging.handlers.SysLogHandler', address: syslog.socket },
    };
    const logging = {
      version: 1,
      formatters: { json: { class: 'statelessd.JsonFormatter' } },
      handlers,
      root: { level: 'DEBUG', handlers: Object.keys(handlers) },
      disable_existing_loggers: false,
    };
    const gateway = await gatewayForTest({ logging, application: { debug: true } });
    const { port } = gateway;
    const { user, segment } = topology;
    const path = `/${segment}/x/k`;
    const wrong = { username: user.username, password: SECRET };
    const json = { 'content-type': 'application/json' };
    const texts: string[] = [];
    const post = async (target: string, call: Parameters<typeof http>[2]): Promise<void> => {
      const answer = await http(port, target, call);
      texts.push(JSON.stringify(answer.headers), answer.text);
    };

    await post(path, { user: wrong, body: 'body=x', headers: FORM });
    await post(path, { user: { username: 'nobody', password: SECRET }, body: 'body=x', headers: FORM });
    await post(path, { headers: { ...FORM, authorization: `Bearer ${SECRET}` }, body: 'body=x' });
    await post(path, { headers: { ...FORM, authorization: `Digest ${SECRET}` }, body: 'body=x' });
    await post(path, { headers: { ...FORM, cookie: `session=${SECRET}`, 'x-api-key': SECRET }, body: 'body=x' });
    for (const target of [`${path}?body=${SECRET}`, `/${segment}/missing/k?body=${SECRET}`, `/${segment}?${SECRET}`])
      await post(target, { user });
    for (const name of ['password', 'access_token', 'type', 'priority'])
      await post(`${path}?${name}=${SECRET}`, { user, body: 'body=x', headers: FORM });
    await post(`http://app:${SECRET}@127.0.0.1:${port}${path}`, { user: wrong, body: 'body=x', headers: FORM });
    await post(`//app:${SECRET}@127.0.0.1:${port}${path}`, { user, body: 'body=x', headers: FORM });
    await post(`/${segment}/missing/k`, { user, body: `body=${SECRET}&password=${SECRET}`, headers: FORM });
    await post(`/${segment}/missing/k`, { user, body: `body=x&headers[password]=${SECRET}`, headers: FORM });
    await post(`/${segment}/missing/k`, { user, body: SECRET });
    await post(`/${segment}/missing`, {
      user,
      headers: json,
      body: JSON.stringify([{ routing_key: 'k', body: SECRET }]),
    });
    await post(`/${segment}/x`, { user, headers: json, body: `[{"routing_key": "k", "body": "${SECRET}"` });
    const payload = { properties: {}, routing_key: 'k', payload: SECRET, payload_encoding: 'string' };
    const call = `/api/exchanges/${segment}/missing/publish`;
    await post(call, { user, headers: json, body: JSON.stringify(payload) });
    await post(call, { user: wrong, headers: json, body: JSON.stringify(payload) });
    const authorization = `Authorization: ${basic(wrong)}\r\n`;
    const long = 'x'.repeat(2_000);
    for (const start of [
      `POST http://app:${SECRET}@h${path} HTTP/9.9\r\n`,
      `POST http://app:${SECRET}${long}@h${path} HTTP/9.9\r\n`,
      `POST ${path}?password=${SECRET} HTTP/1.1\r\nHost: a\r\nHost: b\r\n`,
      `POST ${path}#${SECRET} HTTP/1.1\r\nHost: a b\r\n`,
      `POST app:${SECRET}@h:80 HTTP/1.1\r\n`,
      `CONNECT app:${SECRET}@h:80 HTTP/1.1\r\nHost: h\r\n`,
      `BASIC ${SECRET} HTTP/1.1\r\n`,
      `BEARER ${SECRET}\r\n`,
      `${SECRET} / HTTP/1.1\r\n`,
      `${authorization}POST / HTTP/1.1\r\n`,
      `POST ${path} HTTP/1.1\r\nHost: h\r\n${authorization}${authorization}X: \0\r\n`,
    ])
      texts.push(await raw(port, `${start}${authorization}Connection: close\r\nContent-Length: 0\r\n\r\n`));

    await http(port, path, { user, body: 'body=x', headers: { ...FORM, 'x-request-id': 'the-last' } });
    const figures = await Promise.all(
      ['/stats', '/stats?scope=all', '/metrics?scope=all', '/readyz', '/'].map(
        async (page) => (await http(port, page, { method: 'GET' })).text,
      ),
    );
    gateway.kill('SIGUSR2');
    await gateway.says('state listening=');
    await http(port, '/the-end', { method: 'GET' });
    await gateway.says('target="/the-end"');
    for (const name of ['text', 'json'])
      await expect.poll(() => readFile(file(name), 'utf8'), { timeout: 30_000 }).toContain('/the-end');
    await expect.poll(() => syslog.received(), { timeout: 30_000 }).toContain('/the-end');
    const processes = [
      gateway.pid,
      ...[gateway.pid, ...childrenOf(gateway.pid).map(({ pid }) => pid)].flatMap((pid) =>
        childrenOf(pid).map((child) => child.pid),
      ),
    ];
    const commands = processes.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    expect(commands.join()).toContain('perl');

    const logs = [gateway.stderr, await readFile(file('text'), 'utf8'), await readFile(file('json'), 'utf8')];
    const places = [...logs, await syslog.received(), ...figures, ...texts, ...commands];
    const found = places
      .flatMap((place) => place.split('\n'))
      .filter((line) => [SECRET, ...SPELLINGS].some((each) => line.includes(each)));
    expect(found).toEqual([]);
    // What finds a request again is there.
    expect(gateway.stderr).toContain(`target="${path}?password=…"`);
    expect(gateway.stderr).toContain(`target="http://127.0.0.1:${port}${path}"`);
  });

  it('of the environment is no business of the programs that help', async () => {
    const syslog = await SyslogReceiver.start();
    onTestFinished(() => syslog.close());
    const logging = {
      version: 1,
      handlers: {
        console: { class: 'logging.StreamHandler' },
        syslog: { class: 'logging.handlers.SysLogHandler', address: syslog.socket },
      },
      loggers: { statelessd: { level: 'INFO', handlers: ['console', 'syslog'] } },
    };
    const gateway = await gatewayForTest({ logging, through: ['env', `BROKER_PASSWORD=${SECRET}`] });
    await expect.poll(() => syslog.received(), { timeout: 30_000 }).toContain('listening on');
    const perl = childrenOf(gateway.pid).filter(({ title }) => title === 'perl');
    expect(perl).toHaveLength(1);
    expect(perl.map(({ pid }) => readFileSync(`/proc/${pid}/environ`, 'utf8')).join()).not.toContain(SECRET);
  });
});

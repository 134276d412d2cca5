import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { statusOf } from '../../support/processes.ts';
import { SyslogReceiver } from '../../support/syslog-receiver.ts';
import { type Attack, finding } from '../attack-contract.ts';
import type { StandardError } from '../support/attacked-gateway.ts';
import { Tally } from '../support/send.ts';
import type { World } from '../support/world.ts';

const MAX_GROWTH = 60;

/** Mebibytes that the supervisor and its backends have resident. */
function resident({ supervisor, backends }: World): number {
  const sizes = [supervisor, ...backends].map((pid) => Number.parseInt(statusOf(pid).VmRSS ?? '0', 10));
  return sizes.reduce((sum, kib) => sum + kib, 0) / 1024;
}

/** Posts and batches that are refused, each message with a line in the log. */
async function refused(world: World, signal: AbortSignal): Promise<Tally> {
  const tally = new Tally();
  const lines = '{"routing_key":"k","mandatory":true,"body":""}\n'.repeat(2_000);
  const batches = async (): Promise<void> => {
    const headers = { 'content-type': 'application/x-ndjson' };
    while (!signal.aborted) {
      tally.add((await world.post({ headers, body: lines }, `/${world.topology.segment}/sink`)).status);
      await delay(200);
    }
  };
  const posts = async (): Promise<void> => {
    while (!signal.aborted) {
      tally.add((await world.post({}, `/${world.topology.segment}/missing/k`)).status);
      await delay(20);
    }
  };
  await Promise.all([batches(), posts()]);
  return tally;
}

function unwritable(standardError: StandardError, tries: string): Attack {
  return {
    name: `a log on ${standardError}`,
    tries,
    promise: 'the gateway lives, and what waits to be logged is bounded',
    gateway: { standardError },
    async run(world, signal) {
      const before = resident(world);
      const tally = await refused(world, signal);
      const grown = resident(world) - before;
      return finding(`answers: ${tally}; ${grown.toFixed(0)} MiB more resident`, {
        [`less than ${MAX_GROWTH} MiB more resident`]: grown < MAX_GROWTH,
        'refused posts are answered': tally.others(404, 422) === 0,
      });
    },
  };
}

export const unwritableLogs: readonly Attack[] = [
  unwritable(
    '/dev/full',
    'posts and batches that are refused, each message with a line in the log, where the disk is full',
  ),
  unwritable('a stalled pipe', 'the same, where nobody reads the log'),
  unwritable('a broken pipe', 'the same, where the reader of the log is gone'),
];

const FORGED = 'sshd[4711]: Accepted password for root from 203.0.113.9 port 22 ssh2';

/** Names that are padded so that something else stands where a receiver or a sender might cut. */
function paddedNames(): string[] {
  const cuts = [480, 900, 1_000, 1_024, 2_000, 2_048];
  return cuts.flatMap((cut) => {
    const around = Array.from({ length: 12 }, (_, n) => 'x'.repeat(cut - 180 + 20 * n) + FORGED);
    return around.map((name) => name.slice(0, 2_900));
  });
}

export const syslogForgery: Attack = {
  name: 'forged syslog records',
  tries:
    'without valid credentials, user names of up to 3 KB that hold a line of sshd, so that a cut makes a record of it; and names with line breaks and priorities',
  promise: 'a record is one record',
  alone: true,
  async run(world) {
    const syslog = await SyslogReceiver.start();
    world.onEnd(() => syslog.close());
    const gateway = await world.startGateway({
      settings: {
        logging: {
          version: 1,
          formatters: { line: { format: 'GATEWAY %(levelname)s %(name)s: %(message)s' } },
          handlers: {
            console: { class: 'logging.StreamHandler' },
            syslog: { class: 'logging.handlers.SysLogHandler', address: syslog.socket, formatter: 'line' },
          },
          root: { level: 'INFO', handlers: ['console', 'syslog'] },
          loggers: { statelessd: { level: 'INFO', handlers: [] } },
        },
      },
    });
    const names = [
      ...paddedNames(),
      `a\n<38>${FORGED}`,
      `a\r\n<38>${FORGED}`,
      `a\u2028<38>${FORGED}`,
      `a\u0085${FORGED}`,
    ];
    const tally = new Tally();
    for (const [n, username] of names.entries()) {
      const call = { user: { username, password: 'p' }, localAddress: `127.0.6.${1 + n}` };
      tally.add((await world.post(call, undefined, gateway.port)).status);
    }
    await delay(1_000);
    const records = (await syslog.received()).split('\n').filter(Boolean);
    const others = records.filter((record) => !record.includes('GATEWAY '));
    const own = records.length - others.length;
    return finding(`answers: ${tally}; ${own} records of the gateway’s, ${others.length} others`, {
      'each record is the gateway’s': others.length === 0,
      'there is one for each refused login': own >= names.length,
    });
  },
};

// Bidirectional marks and overrides, line and paragraph separators, C1 controls, escape, and what is no character at all.
const INVISIBLE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029\ufeff]/u;

export const misleadingCharacters: Attack = {
  name: 'misleading characters',
  tries:
    'names of users, vhosts, exchanges and keys with bidirectional overrides, line separators and terminal escapes',
  promise: 'none of them stands raw in a log, as text or as JSON',
  alone: true,
  async run(world) {
    const gateway = await world.startGateway({
      settings: {
        logging: {
          version: 1,
          formatters: { text: { format: '%(levelname)s %(message)s' }, json: { class: 'statelessd.JsonFormatter' } },
          handlers: {
            text: { class: 'logging.StreamHandler', formatter: 'text' },
            json: { class: 'logging.StreamHandler', formatter: 'json' },
          },
          loggers: {
            statelessd: { level: 'DEBUG', handlers: ['text', 'json'] },
            'tinman.application': { level: 'INFO', handlers: ['text', 'json'] },
          },
        },
      },
    });
    const tally = new Tally();
    const marks = [
      '\u202e',
      '\u2066',
      '\u2067',
      '\u200f',
      '\u061c',
      '\u2028',
      '\u2029',
      '\u0085',
      '\u009b31m',
      '\u001b[2J',
      '\ufeff',
      '\r\nforged',
      '\u0000',
    ];
    for (const [n, mark] of marks.entries()) {
      const name = `a${mark}gnp.exe`;
      const segment = encodeURIComponent(name);
      const { segment: vhost } = world.topology;
      const post = async (path: string, call = {}): Promise<void> =>
        tally.add((await world.post({ localAddress: `127.0.7.${1 + n}`, ...call }, path, gateway.port)).status);
      await post(`/${vhost}/missing/${segment}`);
      await post(`/${vhost}/${segment}/k`);
      await post(`/${segment}/x/k`);
      await post(`/${vhost}/sink/k`, { user: { username: name, password: 'p' } });
      await post(`/${vhost}/sink/k?body=${segment}&priority=${segment}`);
    }
    await delay(300);
    const lines = (await gateway.logged()).split('\n');
    const raw = lines.filter((line) => INVISIBLE.test(line));
    const forged = lines.filter((line) => line.startsWith('forged'));
    return finding(`answers: ${tally}; ${lines.length} lines, ${raw.length} with such characters`, {
      [`no line has such a character (${JSON.stringify(raw[0] ?? '').slice(0, 120)})`]: raw.length === 0,
      'no line was made of one': forged.length === 0,
    });
  },
};

export const secretsInLogs: Attack = {
  name: 'secrets in logs',
  tries:
    'with `debug: true`, passwords and tokens where clients put them: Basic, Bearer, `POST http://user:password@host/…` (PHP’s `request_fulluri`), Proxy-Authorization, the query, a body',
  promise: 'no secret stands in logs, problems, `/stats` or command lines',
  alone: true,
  async run(world) {
    const gateway = await world.startGateway({ settings: { application: { debug: true } } });
    const texts: string[] = [];
    const path = `/${world.topology.segment}/missing/k`;
    const secret = 'S3CRET';
    const calls = [
      { path, call: { user: { username: 'app', password: `${secret}-basic` } } },
      { path, call: { headers: { authorization: `Bearer ${secret}-bearer.e30.c2ln` } } },
      { path: `http://app:${secret}-target@gateway.example${path}`, call: {} },
      { path: `http://app:${secret}-target@gateway.example/stats`, call: { user: { username: 'app', password: 'p' } } },
      { path: `//app:${secret}-target@gateway.example${path}`, call: {} },
      { path, call: { headers: { 'proxy-authorization': `Basic ${secret}-proxy` } } },
      { path, call: { headers: { authorization: `Basic ${secret}-malformed` } } },
      { path, call: { body: `body=${secret}-body`, headers: { 'content-type': 'text/plain' } } },
      { path, call: { headers: { cookie: `session=${secret}-cookie`, referer: `https://a:${secret}-referer@b/` } } },
    ];
    for (const { path: target, call } of calls)
      texts.push((await world.post({ agent: false, ...call }, target, gateway.port)).text);
    texts.push((await world.get('/stats?scope=all', {}, gateway.port)).text, await gateway.logged());
    for (const pid of [gateway.pid, ...gateway.backends])
      if (existsSync(`/proc/${pid}`)) texts.push(JSON.stringify(statusOf(pid)));
    const found = [...new Set(texts.join('\n').match(/S3CRET-\w+/g) ?? [])];
    return finding(`${calls.length} requests; found: ${found.join(', ') || 'none'}`, {
      'no secret is found': found.length === 0,
    });
  },
};

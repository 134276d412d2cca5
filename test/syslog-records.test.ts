import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { DatagramReceiver } from './support/datagram-receiver.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { basic, FORM, http } from './support/http.ts';
import { SyslogReceiver } from './support/syslog-receiver.ts';
import { Topology } from './support/topology.ts';

/** What a receiver must not take for a record. */
const FORGED = '<38>sshd[1]: Accepted password for root';

const named = (username: string) => ({ ...FORM, authorization: basic({ username, password: 'x' }) });

/** Names of users that would be more than one record, if anything made lines or datagrams of them. */
const NAMES = {
  'padded to 1 KiB': 'x'.repeat(1_010) + FORGED,
  'padded to 8 KiB': 'x'.repeat(7_900) + FORGED,
  'of lines': `a\n${FORGED}\r\n${FORGED}`,
  'of separators': `a\u0085${FORGED}\u2028${FORGED}\u2029${FORGED}\u000b${FORGED}\u000c${FORGED}`,
  'that turns the direction of text': `a\u202e${FORGED}\u2066`,
  'of control characters': `a\u001b[2J\u0008\u007f${FORGED}`,
  'of quotes': `a" status=204 ${FORGED} "`,
};

describe('a record', () => {
  let topology: Topology;
  let receiver: DatagramReceiver;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());
  beforeEach(async () => {
    receiver = await DatagramReceiver.start();
    onTestFinished(() => receiver.close());
  });

  const start = (settings: Settings): Promise<GatewayProcess> => gatewayForTest(settings);
  const logging = (handlers: Readonly<Record<string, object>>, properties: object = {}): object => ({
    version: 1,
    formatters: {
      text: { format: ' %(levelname)s %(name)s: %(message)s' },
      json: { class: 'statelessd.JsonFormatter' },
    },
    handlers: {
      console: { class: 'logging.StreamHandler', formatter: 'text' },
      ...Object.fromEntries(
        Object.entries(handlers).map(([name, handler]) => [
          name,
          'filename' in handler
            ? { class: 'logging.FileHandler', formatter: 'text', ...handler }
            : {
                class: 'logging.handlers.SysLogHandler',
                facility: 'daemon',
                formatter: 'text',
                ...properties,
                ...handler,
              },
        ]),
      ),
    },
    loggers: { statelessd: { level: 'INFO', handlers: ['console', ...Object.keys(handlers)] } },
  });
  const refused = (gateway: GatewayProcess, id: string, headers: Record<string, string> = {}) =>
    http(gateway.port, `/${topology.segment}/missing/k`, {
      ...(!headers.authorization && { user: topology.user }),
      body: 'body=x',
      headers: { ...FORM, ...headers, 'x-request-id': id },
    });
  const posts = async (gateway: GatewayProcess): Promise<number> =>
    (await http(gateway.port, `/${topology.segment}/x/k`, { user: topology.user, body: 'body=x', headers: FORM }))
      .status;

  it('over a Unix socket is one datagram as CPython’s SysLogHandler sends it', async () => {
    const properties = { '.': { ident: 'gateway: ' } };
    const gateway = await start({ logging: logging({ syslog: { address: receiver.socket } }, properties) });
    await refused(gateway, 'one');
    await receiver.has('request_id="one"');
    expect(receiver.with('listening on')).toEqual([
      `<30>gateway:  INFO statelessd: listening on [::]:${gateway.port}\0`,
    ]);
    expect(receiver.with('request_id="one"')).toEqual([
      expect.stringMatching(/^<28>gateway: {2}WARNING statelessd: not published .*published=no"\0$/),
    ]);
  });

  it('has an end where its format says so', async () => {
    const properties = { '.': { append_nul: false } };
    const gateway = await start({ logging: logging({ syslog: { address: receiver.socket } }, properties) });
    await receiver.has('listening on');
    expect(receiver.with('listening on')).toEqual([`<30> INFO statelessd: listening on [::]:${gateway.port}`]);
  });

  it.each(Object.entries(NAMES))('stays one in every sink, for a user’s name %s', async (_, username) => {
    const syslog = await SyslogReceiver.start();
    onTestFinished(() => syslog.close());
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-records-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = (name: string): string => join(directory, name);
    const gateway = await start({
      logging: logging({
        datagrams: { address: receiver.socket },
        rsyslog: { address: syslog.socket },
        udp: { address: ['127.0.0.1', syslog.port] },
        text: { filename: file('text') },
        json: { filename: file('json'), formatter: 'json' },
      }),
    });
    expect((await refused(gateway, 'the-forger', named(username))).status).toBe(401);
    expect((await refused(gateway, 'the-next')).status).toBe(404);
    await receiver.has('the-next');
    const rsyslogs = async () => (await syslog.received()).split('\n').filter((line) => line.includes('the-next'));
    await expect.poll(async () => (await rsyslogs()).length, { timeout: 30_000 }).toBe(2);
    await gateway.says('the-next');
    await expect.poll(() => readFile(file('json'), 'utf8'), { timeout: 30_000 }).toContain('the-next');
    await expect.poll(() => readFile(file('text'), 'utf8'), { timeout: 30_000 }).toContain('the-next');

    const isOurs = (start: RegExp) => (line: string) =>
      start.test(line) && !/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(line);
    const datagrams = receiver.datagrams.map((datagram) => datagram.toString().replace(/\0$/, ''));
    expect(datagrams.filter((datagram) => !isOurs(/^<\d\d> [A-Z]+ statelessd(\.rabbitmq)?: /)(datagram))).toEqual([]);
    expect(receiver.with('the-forger')).toHaveLength(1);
    expect(receiver.datagrams.filter(({ length }) => length > 8_000)).toEqual([]);
    const received = (await syslog.received()).trimEnd().split('\n');
    expect(received.filter((line) => !/^daemon\.[a-z]+\| [A-Z]+ statelessd(\.rabbitmq)?: /.test(line))).toEqual([]);
    expect(received.filter((line) => line.includes('the-forger'))).toHaveLength(2);
    const lines = (await readFile(file('text'), 'utf8')).trimEnd().split('\n');
    expect(lines.filter((line) => !isOurs(/^ [A-Z]+ statelessd(\.rabbitmq)?: /)(line))).toEqual([]);
    expect(
      gateway.stderr
        .trimEnd()
        .split('\n')
        .filter((line) => !isOurs(/^ [A-Z]+ statelessd(\.rabbitmq)?: /)(line)),
    ).toEqual([]);
    const objects = (await readFile(file('json'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects.filter(({ request_id: id }) => id === 'the-forger')).toEqual([
      expect.objectContaining({ status: 401 }),
    ]);
  });

  it('that comes while the receiver is away is sent when it is back', async () => {
    const gateway = await start({ logging: logging({ syslog: { address: receiver.socket } }) });
    await receiver.has('listening on');
    await receiver.end();
    await refused(gateway, 'meanwhile');
    await gateway.says(`syslog at ${receiver.socket}: Connection refused`);
    expect(await posts(gateway)).toBe(204);
    await receiver.listen();
    await receiver.has('meanwhile');
    await gateway.says('a log sink is reached again');
    expect(gateway.stderr.split('cannot be reached')).toHaveLength(2);
  });

  it('waits for a receiver that stalls; what is too much for memory is counted, and nothing else suffers', async () => {
    const gateway = await start({ logging: logging({ syslog: { address: receiver.socket } }) });
    await receiver.has('listening on');
    receiver.signal('SIGSTOP');
    const batch = Array.from({ length: 10_000 }, (_, n) => ({ routing_key: `${n}-`.padEnd(200, 'x'), body: '' }));
    const headers = { 'content-type': 'application/json' };
    const call = { user: topology.user, headers, body: JSON.stringify(batch) };
    expect((await http(gateway.port, `/${topology.segment}/missing`, call)).status).toBe(422);
    await gateway.says('it takes records too slowly; some are lost');
    expect(await posts(gateway)).toBe(204);
    receiver.signal('SIGCONT');
    await gateway.says('a log sink is reached again');
    const dropped = Number(/"dropped":(\d+)/.exec(gateway.stderr)?.[1]);
    await receiver.has('not published', 10_000 - dropped);
    expect(receiver.with('not published').length).toBeLessThan(10_000);
  });

  it('stays one without Perl, through logger(1)', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'statelessd-records-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const logger = execFileSync('sh', ['-c', 'command -v logger'], { encoding: 'utf8' }).trim();
    await symlink(logger, join(directory, 'logger'));
    const through = ['env', `PATH=${directory}`];
    const gateway = await start({ logging: logging({ syslog: { address: receiver.socket } }), through });
    for (const username of Object.values(NAMES)) await refused(gateway, 'the-forger', named(username));
    await receiver.has('the-forger', Object.keys(NAMES).length);
    const isOurs = (datagram: string): boolean =>
      /^<\d\d>\w{3} [ \d]\d \d\d:\d\d:\d\d (\S+ )?statelessd\[\d+\]: {2}(INFO|WARNING) statelessd(\.rabbitmq)?: /.test(
        datagram,
      );
    expect(receiver.datagrams.map(String).filter((datagram) => !isOurs(datagram))).toEqual([]);
  });
});

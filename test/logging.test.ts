import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { claimFreePort } from '../wrangler-free-local/ports.ts';
import { gatewayForTest } from './support/for-test.ts';
import { configuration, type GatewayProcess } from './support/gateway.ts';
import { type Answer, type Call, FORM, http } from './support/http.ts';
import { StreamReceiver } from './support/stream-receiver.ts';
import { SyslogReceiver } from './support/syslog-receiver.ts';
import { Topology } from './support/topology.ts';

describe('the log', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
  });
  afterAll(() => topology.delete());

  const gatewayWith = (logging?: object, application?: Record<string, unknown>): Promise<GatewayProcess> =>
    gatewayForTest({ ...(logging && { logging }), ...(application && { application }) });
  const post = (gateway: GatewayProcess, exchange = 'x', call: Call = {}): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/${exchange}/k`, {
      user: topology.user,
      body: 'body=x',
      ...call,
      headers: { ...FORM, ...call.headers },
    });
  /** Python's dictConfig, with one handler for all. */
  const dictConfig = (handler: object, more: object = {}): object => ({
    version: 1,
    formatters: { short: { format: '%(levelname)-8s|%(name)s|%(processName)s|%(message)s' } },
    handlers: { only: { formatter: 'short', ...handler } },
    loggers: {
      statelessd: { level: 'INFO', handlers: ['only'] },
      tinman: { level: 'WARNING', handlers: ['only'] },
    },
    ...more,
  });
  const CONSOLE = { class: 'logging.StreamHandler' };

  it('has lines on the console as the formatter says', async () => {
    const gateway = await gatewayWith(dictConfig(CONSOLE));
    const lines = gateway.stderr.trimEnd().split('\n');
    expect(lines).toEqual([`INFO    |statelessd|statelessd: supervisor|listening on [::]:${gateway.port}`]);
  });

  it('leaves one line for each message that was not published, with all that finds it', async () => {
    const gateway = await gatewayWith(
      dictConfig(CONSOLE, { loggers: { statelessd: { level: 'INFO', handlers: ['only'] } } }),
    );
    await post(gateway);
    await post(gateway, 'missing', { headers: { 'x-request-id': 'lost-one' } });
    await gateway.says('lost-one');
    expect(gateway.stderr.split('\n').filter((line) => line.includes('not published'))).toEqual([
      `WARNING |statelessd|statelessd: backend ${gateway.port}|not published port=${gateway.port} ` +
        `request_id="lost-one" vhost="${topology.vhost}" user="${topology.user.username}" exchange="missing" ` +
        'routing_key="k" status=404 outcome="exchange-not-found; published=no"',
    ]);
    expect(gateway.stderr).not.toContain(topology.user.password);
  });

  it('has a line for each request that was answered, as loud as its status', async () => {
    const gateway = await gatewayWith(dictConfig(CONSOLE));
    await post(gateway);
    await http(gateway.port, '/nowhere%0a', { method: 'GET' });
    await gateway.says('tinman.application');
    const [line, ...others] = gateway.stderr.split('\n').filter((each) => each.includes('tinman.application'));
    expect(line).toMatch(
      /^WARNING \|tinman\.application\|.*status=40\d method="GET" target="\/nowhere%0a" client="127\.0\.0\.1"/,
    );
    expect(others).toEqual([]);
  });

  it('is silent of loggers that are not named', async () => {
    const gateway = await gatewayWith(
      dictConfig(CONSOLE, { loggers: { statelessd: { level: 'INFO', handlers: ['only'] } } }),
    );
    await post(gateway);
    await post(gateway, 'missing');
    await gateway.says('not published');
    expect(gateway.stderr).not.toContain('answered');
  });

  it('takes the level NOTSET for that of the parent, as Python does', async () => {
    const tinman = { level: 'ERROR', handlers: ['only'] };
    const loggers = {
      statelessd: { level: 'INFO', handlers: ['only'] },
      tinman,
      'tinman.application': { level: 'NOTSET' },
    };
    const gateway = await gatewayWith(dictConfig(CONSOLE, { loggers }));
    await post(gateway, 'missing');
    await gateway.says('not published');
    expect(gateway.stderr).not.toContain('tinman.application');
  });

  it.each([
    ['its own names', { tinman: {}, statelessd: {} }, 'tinman.application', 'statelessd.rabbitmq'],
    ['the names of 2013', { 'tornado.access': {}, pika: {} }, 'tornado.access', 'pika'],
    ['the name above one of 2013', { tornado: {}, 'statelessd.rabbitmq': {} }, 'tornado.access', 'statelessd.rabbitmq'],
    ['both', { tornado: {}, tinman: {}, pika: {}, statelessd: {} }, 'tinman.application', 'pika'],
  ])('names requests and the broker as the configuration does: %s', async (_, named, access, broker) => {
    const names = Object.keys({ statelessd: {}, ...named });
    const loggers = Object.fromEntries(names.map((name) => [name, { level: 'INFO', handlers: ['only'] }]));
    const gateway = await gatewayWith(dictConfig(CONSOLE, { loggers }));
    expect((await post(gateway)).status).toBe(204);
    await gateway.says(`INFO    |${access}|statelessd: backend ${gateway.port}|answered`);
    await gateway.says(`INFO    |${broker}|statelessd: backend ${gateway.port}|connected`);
  });

  it('says of a configuration what it takes and does not do', async () => {
    const loggers = { statelessd: { level: 'INFO', handlers: ['only'], formatter: 'short' } };
    const gateway = await gatewayWith(dictConfig(CONSOLE, { loggers }));
    await gateway.says('Logging.loggers.statelessd.formatter');
    expect(gateway.stderr.split('\n').filter((line) => line.startsWith('WARNING'))).toEqual([
      expect.stringMatching(
        /^WARNING \|statelessd\|statelessd: supervisor\|configuration warning file=".*" line=\d+ key="Logging\.loggers\.statelessd\.formatter" detail="a logger has no such key in Python; this is ignored"$/,
      ),
    ]);
  });

  it('is one JSON object a line where the formatter says so', async () => {
    const formatters = { short: { class: 'statelessd.JsonFormatter' } };
    const gateway = await gatewayWith(dictConfig(CONSOLE, { formatters }));
    await post(gateway, 'missing', { headers: { 'x-request-id': 'formatted' } });
    await gateway.says('"request_id":"formatted"');
    const lines = gateway.stderr.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'warning', logger: 'statelessd', exchange: 'missing', status: 404 }),
    );
  });

  it('has the warnings of loggers without any handler on the console, unless they are disabled', async () => {
    const gateway = await gatewayWith(
      dictConfig(CONSOLE, {
        loggers: { statelessd: { level: 'INFO', handlers: ['only'] } },
        disable_existing_loggers: false,
      }),
    );
    await post(gateway);
    await post(gateway, 'missing');
    await gateway.says('answered');
    const lines = gateway.stderr.split('\n').filter((line) => line.startsWith('answered'));
    expect(lines).toEqual([expect.stringContaining('status=404')]);
  });

  it('takes the logger without a name for the root logger, as Python does', async () => {
    const loggers = { '': { level: 'INFO', handlers: ['only'] } };
    const gateway = await gatewayWith(dictConfig(CONSOLE, { loggers, disable_existing_loggers: false }));
    expect(gateway.stderr).toContain('INFO    |statelessd|statelessd: supervisor|listening on');
    await post(gateway);
    await gateway.says('|statelessd.rabbitmq|');
    await gateway.says('|tinman.application|');
  });

  it('names the routing key of a management call, which stands in its body', async () => {
    const gateway = await gatewayWith(dictConfig(CONSOLE));
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ properties: {}, routing_key: 'in.body', payload: 'x', payload_encoding: 'string' });
    const call = { user: topology.user, headers, body };
    await http(gateway.port, `/api/exchanges/${topology.segment}/missing/publish`, call);
    await gateway.says('not published');
    expect(gateway.stderr).toContain('exchange="missing" routing_key="in.body"');
  });

  it('has handlers for debugging only', async () => {
    const handlers = { only: { formatter: 'short', ...CONSOLE }, more: { ...CONSOLE, debug_only: true } };
    const loggers = { statelessd: { level: 'INFO', handlers: ['only', 'more'] } };
    const quiet = await gatewayWith(dictConfig(CONSOLE, { handlers, loggers }));
    expect(quiet.stderr.match(/listening/g)).toHaveLength(1);
    const verbose = await gatewayWith(dictConfig(CONSOLE, { handlers, loggers }), { debug: true });
    await verbose.says('listening', 2);
  });

  it('changes with the configuration on SIGHUP', async () => {
    const gateway = await gatewayWith(dictConfig(CONSOLE));
    const formatters = { short: { format: 'changed: %(message)s' } };
    const settings = { logging: dictConfig(CONSOLE, { formatters }) };
    await gateway.reconfigure(stringify(configuration(settings, gateway.ports)));
    gateway.kill('SIGHUP');
    await gateway.says('changed: reloaded');
    // The retiring backend may still accept a connection, and it speaks as it did.
    const said = async (): Promise<string> => {
      await post(gateway, 'missing');
      return gateway.stderr;
    };
    await expect.poll(said, { timeout: 20_000 }).toContain('changed: not published');
  });

  it('is one JSON object a line where nobody says anything else', async () => {
    const gateway = await gatewayWith();
    await post(gateway, 'missing', { headers: { 'x-request-id': 'json' } });
    await gateway.says('"request_id":"json"');
    const lines = gateway.stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ logger }) => logger)).toEqual(['statelessd', 'statelessd.rabbitmq', 'statelessd']);
  });

  describe('goes to syslog', () => {
    let syslog: SyslogReceiver;
    beforeAll(async () => {
      syslog = await SyslogReceiver.start();
    });
    afterAll(() => syslog.close());

    const handler = (address: unknown): object => ({
      version: 1,
      formatters: { syslog: { format: ' %(levelname)s <PID %(process)d:%(processName)s> %(name)s: %(message)s' } },
      handlers: {
        console: CONSOLE,
        syslog: { class: 'logging.handlers.SysLogHandler', facility: 'daemon', address, formatter: 'syslog' },
      },
      loggers: { statelessd: { level: 'INFO', handlers: ['console', 'syslog'] } },
    });

    const overStreams = (address: unknown): object => ({
      ...handler(address),
      handlers: {
        console: CONSOLE,
        syslog: {
          class: 'logging.handlers.SysLogHandler',
          facility: 3,
          address,
          formatter: 'syslog',
          socktype: 'ext://socket.SOCK_STREAM',
        },
      },
    });

    it.each([
      ['a datagram socket', () => syslog.socket],
      ['UDP', () => ['127.0.0.1', syslog.port]],
    ])('over %s', async (_, address) => {
      const gateway = await gatewayWith(handler(address()));
      await post(gateway, 'missing', { headers: { 'x-request-id': `over-${gateway.port}` } });
      await expect.poll(() => syslog.received(), { timeout: 20_000 }).toContain(`over-${gateway.port}`);
      const lines = (await syslog.received()).split('\n').filter((line) => line.includes(String(gateway.port)));
      expect(lines[0]).toMatch(
        new RegExp(`^daemon\\.info\\|.* INFO <PID ${gateway.pid}:statelessd: supervisor> statelessd: listening on `),
      );
      expect(lines.at(-1)).toMatch(
        /^daemon\.warning\|.* WARNING <PID \d+:statelessd: backend \d+> statelessd: not published /,
      );
    });

    it('over TCP, a record ended by a NUL, and goes on when the receiver is back', async () => {
      const { port, release } = await claimFreePort();
      onTestFinished(release);
      const receiver = await StreamReceiver.listen(port);
      const gateway = await gatewayWith(overStreams(['127.0.0.1', port]));
      await post(gateway, 'missing', { headers: { 'x-request-id': 'first' } });
      await receiver.has('request_id="first"');
      const records = receiver.text.split('\0').filter((record) => record !== '');
      expect(records).toContainEqual(
        expect.stringMatching(/^<28> WARNING <PID \d+:statelessd: backend \d+> statelessd: not published /),
      );
      await receiver.close();
      await gateway.says('a log sink cannot be reached', 2);
      await post(gateway, 'missing', { headers: { 'x-request-id': 'second' } });
      const again = await StreamReceiver.listen(port);
      onTestFinished(() => again.close());
      await again.has('request_id="second"');
    });

    it('or says once that it cannot, and serves', async () => {
      const gateway = await gatewayWith(handler(`${syslog.socket}-missing`));
      await gateway.says('a log sink cannot be reached');
      for (let n = 0; n < 3; n += 1) expect((await post(gateway)).status).toBe(204);
      expect(gateway.stderr).toContain(`syslog at ${syslog.socket}-missing`);
    });
  });
});

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Broker, startBroker } from '../wrangler-free-local/broker.ts';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { type Answer, basic, type Call, FORM, http } from './support/http.ts';
import { type BrokerPorts, portsOf, Topology } from './support/topology.ts';

describe('while the broker', () => {
  let broker: Broker;
  let ports: BrokerPorts;
  let topology: Topology;

  beforeAll(async () => {
    broker = await startBroker({ name: 'outages', management: true });
    ports = portsOf(broker);
    topology = await Topology.create(ports);
    await topology.exchangeWithQueue();
  });
  beforeEach(() => topology.drain());
  afterAll(() => broker.close());

  /** A gateway that knows the user, for it has published already. */
  const gatewayWith = async (settings: Settings = {}): Promise<GatewayProcess> => {
    const gateway = await gatewayForTest({ broker: ports, ...settings });
    // The first proves the exchange, the second has its channel opened.
    for (const body of ['body=first', 'body=second']) expect((await post(gateway, '', { body })).status).toBe(204);
    await topology.drain();
    return gateway;
  };
  const post = (gateway: GatewayProcess, id: string | number, call: Call = {}): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x/k`, {
      user: topology.user,
      body: `body=${id}&delivery_mode=2`,
      ...call,
      headers: { ...FORM, ...call.headers },
    });
  const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
  const entryOf = async (gateway: GatewayProcess): Promise<Record<string, unknown>> => {
    const { connections } = JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text);
    return connections[`${topology.vhost}:${topology.user.username}`];
  };
  const held = async (gateway: GatewayProcess, count: number): Promise<void> =>
    expect.poll(async () => (await entryOf(gateway)).queue_size, { timeout: 20_000 }).toBe(count);
  const inQueue = async (): Promise<string[]> =>
    (await topology.drain()).map(({ content }) => content.toString()).toSorted();
  const outcomes = (answers: readonly Answer[]): string[] =>
    answers.map(({ status, headers }) => `${status} ${headers['statelessd-error'] ?? ''}`.trim());

  describe('is away', () => {
    /** Runs it between a kill and a start of the broker. */
    const during = async (outage: () => Promise<void>): Promise<void> => {
      await broker.kill();
      try {
        await outage();
      } finally {
        await broker.start();
      }
    };

    it('holds as many messages as max_held_messages says, and refuses more before they are sent', async () => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 60, max_held_messages: 5 } });
      let kept: Promise<Answer[]> | undefined;
      await during(async () => {
        kept = Promise.all(range(5).map((n) => post(gateway, n)));
        await held(gateway, 5);
        const refused = await post(gateway, 'refused');
        expect(outcomes([refused])).toEqual(['503 overloaded; published=no']);
        expect(refused.headers['retry-after']).toMatch(/^\d+$/);
      });
      expect(outcomes((await kept) ?? [])).toEqual(range(5).map(() => '204'));
      expect(await inQueue()).toEqual(range(5).map(String));
    });

    it('strangers cannot fill what known users need', async () => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 60 } });
      let known: Promise<Answer[]> | undefined;
      const strangers: Promise<Answer>[] = [];
      await during(async () => {
        for (const n of range(1_200))
          strangers.push(post(gateway, 'stranger', { user: { username: `stranger${n}`, password: 'p' } }));
        // Those who find their own allowance full are told so.
        expect(outcomes([await Promise.race(strangers)])).toEqual(['503 overloaded; published=no']);
        known = Promise.all(range(20).map((n) => post(gateway, n)));
        await held(gateway, 20);
      });
      expect(outcomes((await known) ?? [])).toEqual(range(20).map(() => '204'));
      const told = new Set(outcomes(await Promise.all(strangers)));
      expect(told).not.toContain('204');
      expect((await inQueue()).length).toBe(20);
    });

    it.each([
      ['deliver', ['gone']],
      ['drop', []],
    ])('a message whose client went away is treated as client_gone: %s says', async (client_gone, left) => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 60, client_gone } });
      await during(async () => {
        const client = new AbortController();
        const gone = post(gateway, 'gone', { signal: client.signal });
        await held(gateway, 1);
        client.abort();
        await expect(gone).rejects.toThrow();
        if (client_gone === 'drop') await held(gateway, 0);
      });
      expect((await post(gateway, 'later')).status).toBe(204);
      expect(await inQueue()).toEqual([...left, 'later']);
    });

    it('a message of the management plugin’s call, too, is dropped with its client', async () => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 60, client_gone: 'drop' } });
      await during(async () => {
        const client = new AbortController();
        const gone = http(gateway.port, `/api/exchanges/${topology.segment}/x/publish`, {
          user: topology.user,
          body: JSON.stringify({ routing_key: 'k', properties: {}, payload: 'gone', payload_encoding: 'string' }),
          signal: client.signal,
        });
        await held(gateway, 1);
        client.abort();
        await expect(gone).rejects.toThrow();
        await held(gateway, 0);
      });
      expect(await inQueue()).toEqual([]);
    });

    it('stops all the same, and answers strangers and slow uploads too', async () => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 60 }, http: { drain_timeout: 0.5 } });
      await during(async () => {
        const stranger = post(gateway, 'stranger', { user: { username: 'stranger', password: 'p' } });
        const upload = connect(gateway.port, '127.0.0.1');
        const received = text(upload);
        upload.write(
          `POST /${topology.segment}/x/k HTTP/1.1\r\nHost: g\r\nAuthorization: ${basic(topology.user)}\r\n` +
            'Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nhalf',
        );
        // Whoever is answered later has come later.
        await http(gateway.port, '/healthz', { method: 'GET' });
        gateway.kill('SIGTERM');
        expect(outcomes([await stranger])).toEqual(['503 shutting-down; published=no']);
        expect(await received).toMatch(/^HTTP\/1.1 408 /);
        expect((await gateway.exited).code).toBe(0);
      });
    });

    it('stops all the same, and says of what it held that nothing was published', async () => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 60 }, http: { drain_timeout: 0.5 } });
      await during(async () => {
        const answers = Promise.all(range(3).map((n) => post(gateway, n)));
        await held(gateway, 3);
        gateway.kill('SIGTERM');
        expect(outcomes(await answers)).toEqual(range(3).map(() => '503 shutting-down; published=no'));
        expect((await gateway.exited).code).toBe(0);
      });
      expect(await inQueue()).toEqual([]);
    });
  });

  describe('is silent', () => {
    /** Runs it while the broker is frozen. */
    const during = async (silence: () => Promise<void>): Promise<void> => {
      broker.suspend();
      try {
        await silence();
      } finally {
        broker.resume();
      }
    };

    it('stops all the same, and says of what was in flight that it may have been published', async () => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 60 }, http: { drain_timeout: 0.5 } });
      await during(async () => {
        const answer = post(gateway, 1);
        await expect.poll(async () => (await entryOf(gateway)).in_flight).toBe(1);
        gateway.kill('SIGTERM');
        expect(outcomes([await answer])).toEqual(['504 confirm-timeout; published=unknown']);
        expect((await gateway.exited).code).toBe(0);
      });
    });

    it('Prefer: wait is how long a client waits', async () => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 600 } });
      await during(async () => {
        const prefer = (value: string): Promise<Answer> => post(gateway, 1, { headers: { prefer: value } });
        expect(outcomes([await prefer('wait=1')])).toEqual(['504 confirm-timeout; published=unknown']);
        expect(outcomes([await prefer('respond-async, wait=1')])).toEqual(['202']);
      });
    });

    it('Prefer: respond-async waits for no longer than publish_timeout, whatever is asked for', async () => {
      const gateway = await gatewayWith({ publishing: { publish_timeout: 0.5 } });
      await during(async () => {
        const headers = { prefer: 'respond-async, wait=600' };
        expect(outcomes([await post(gateway, 1, { headers })])).toEqual(['202']);
        const batch = {
          body: '{"routing_key":"k","body":"2"}',
          headers: { ...headers, 'content-type': 'application/x-ndjson' },
        };
        expect(
          outcomes([await http(gateway.port, `/${topology.segment}/x`, { user: topology.user, ...batch })]),
        ).toEqual(['202']);
      });
    });

    it('counts and logs what it gives up on that was answered 202', async () => {
      const gateway = await gatewayWith({ publishing: { async_timeout: 0.5 } });
      await during(async () => {
        const headers = { prefer: 'respond-async', 'x-request-id': 'given-up' };
        expect((await post(gateway, 1, { headers })).status).toBe(202);
        await expect.poll(async () => (await entryOf(gateway)).abandoned, { timeout: 20_000 }).toBe(1);
      });
      expect(gateway.stderr).toMatch(/"request_id":"given-up".*"outcome":"confirm-timeout","published":"unknown"/);
    });
  });

  it('says nothing, writes no more of a batch than may be in flight, and tells what became of each message', async () => {
    const publishing = { publish_timeout: 2, max_in_flight: 100 };
    const gateway = await gatewayWith({ publishing, rabbitmq: { heartbeat: 60 } });
    const body = range(3_000).map((n) => `{"routing_key":"k","body":"${n}"}\n`);
    const headers = { 'content-type': 'application/x-ndjson' };
    broker.suspend();
    let answer: Answer;
    try {
      answer = await http(gateway.port, `/${topology.segment}/x`, {
        user: topology.user,
        body: body.join(''),
        headers,
      });
    } finally {
      broker.resume();
    }
    expect(outcomes([answer])).toEqual(['504 batch-incomplete; published=partial']);
    const results: { status: number; published: string; index: number }[] = JSON.parse(answer.text).results;
    const unknown = results.filter(({ published }) => published === 'unknown');
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown.length).toBeLessThanOrEqual(100);
    expect(new Set(results.map(({ status, published }) => `${status} ${published}`))).toEqual(
      new Set(['504 unknown', '503 no']),
    );
    const arrived = await inQueue();
    const safe = new Set(results.filter(({ published }) => published === 'no').map(({ index }) => String(index)));
    expect(arrived.filter((id) => safe.has(id))).toEqual([]);
  });

  it('blocks publishers, stops all the same', async () => {
    const gateway = await gatewayWith({ http: { drain_timeout: 0.5 } });
    await broker.ctl(['set_vm_memory_high_watermark', '0.00001']);
    try {
      // RabbitMQ blocks a connection when it publishes.
      await expect
        .poll(async () => outcomes([await post(gateway, 'probe', { headers: { prefer: 'wait=1' } })]), {
          timeout: 20_000,
        })
        .toEqual(['503 broker-blocked; published=no']);
      gateway.kill('SIGTERM');
      expect((await gateway.exited).code).toBe(0);
    } finally {
      await broker.ctl(['set_vm_memory_high_watermark', '0.4']);
    }
  });

  it('accepts no second connection of a user, the first is not renewed, and serves', async () => {
    await topology.api('PUT', `/user-limits/${topology.user.username}/max-connections`, { value: 1 });
    onTestFinished(async () => {
      await topology.api('DELETE', `/user-limits/${topology.user.username}/max-connections`);
    });
    const gateway = await gatewayWith({ rabbitmq: { credentials_ttl: 0.5 } });
    const brokerLog = (): Promise<string> => readFile(`${broker.directory}/log/node.log`, 'utf8');
    await expect.poll(brokerLog, { timeout: 20_000 }).toMatch(/connection limit \(1\) is reached/);
    const id = randomUUID();
    expect((await post(gateway, id)).status).toBe(204);
    expect(await inQueue()).toEqual([id]);
  });
});

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gatewayForTest } from './support/for-test.ts';
import type { GatewayProcess, Settings } from './support/gateway.ts';
import { type Answer, type Call, FORM, http } from './support/http.ts';
import { type Claims, EVERYTHING, type OauthBroker, startOauthBroker, TokenIssuer } from './support/oauth.ts';
import { otherRabbitmq } from './support/other-rabbitmq.ts';
import { PausedPost } from './support/paused-post.ts';
import { portsOf, Topology, type User } from './support/topology.ts';

const INVALID = 'Bearer error="invalid_token"';

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

describe.each([
  ['the machine’s RabbitMQ', async () => ({})],
  ['another version of RabbitMQ', async () => ({ installation: await otherRabbitmq() })],
])('a token, with %s,', (_, options) => {
  const issuer = new TokenIssuer();
  let oauth: OauthBroker;
  let topology: Topology;
  beforeAll(async () => {
    oauth = await startOauthBroker(issuer, await options());
    topology = await Topology.create(portsOf(oauth.broker));
    await topology.exchange('x', 'direct');
    await topology.queue('q');
    await topology.bind('x', 'q', 'k');
  });
  afterAll(() => oauth.close());

  const gatewayWith = (settings: Settings = {}): Promise<GatewayProcess> =>
    gatewayForTest({ broker: portsOf(oauth.broker), ...settings });
  const freshUser = (): string => `s-${randomUUID()}`;
  const tokenFor = (sub: string, more: Claims = {}): string => issuer.sign({ sub, scope: EVERYTHING, ...more });
  const bearer = (token: string, more: Record<string, string> = {}) => ({
    ...FORM,
    ...more,
    authorization: `Bearer ${token}`,
  });
  const post = (gateway: GatewayProcess, token: string, body = 'x', on = topology): Promise<Answer> =>
    http(gateway.port, `/${on.segment}/x/k`, { headers: bearer(token), body: `body=${body}` });
  const postAs = (gateway: GatewayProcess, user: User): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x/k`, { user, headers: FORM, body: 'body=x' });
  const statsOf = async (gateway: GatewayProcess) =>
    JSON.parse((await http(gateway.port, '/stats', { method: 'GET' })).text);
  const entryOf = async (gateway: GatewayProcess, user: string, on = topology) =>
    (await statsOf(gateway)).connections[`${on.vhost}:${user}`];
  const attempts = async (): Promise<{ readonly succeeded: number; readonly failed: number }> => {
    const { json } = await oauth.broker.api('GET', `/auth/attempts/${oauth.broker.nodename}`);
    const found = Array.isArray(json) ? json.find(({ protocol }) => protocol === 'amqp091') : undefined;
    return { succeeded: found?.auth_attempts_succeeded ?? 0, failed: found?.auth_attempts_failed ?? 0 };
  };
  const connectionsOf = async (user: string): Promise<number> => {
    const users = await oauth.broker.rpcEval(
      '[proplists:get_value(user, rabbit_networking:connection_info(P, [user])) || P <- rabbit_networking:connections()].',
    );
    return users.split(`"${user}"`).length - 1;
  };

  const publishing: readonly (readonly [string, string, Call])[] = [
    ['one message', '/x/k', { headers: { 'content-type': 'text/plain' }, body: 'x' }],
    ['a batch', '/x', { headers: { 'content-type': 'application/json' }, body: '[{"routing_key":"k","body":"x"}]' }],
    [
      'the management plugin’s call',
      '/x/publish',
      {
        headers: { 'content-type': 'application/json' },
        body: '{"routing_key":"k","properties":{},"payload":"x","payload_encoding":"string"}',
      },
    ],
  ];
  const publishWith = (gateway: GatewayProcess, authorization: string, [, path, call]: (typeof publishing)[number]) =>
    http(gateway.port, `${path.endsWith('/publish') ? '/api/exchanges' : ''}/${topology.segment}${path}`, {
      ...call,
      headers: { ...call.headers, authorization },
    });

  it.each(publishing)('publishes %s', async (...way) => {
    const gateway = await gatewayWith();
    await topology.drain();
    const byRsa = await publishWith(gateway, `Bearer ${tokenFor(freshUser())}`, way);
    const byHmac = await publishWith(
      gateway,
      `bearer ${issuer.signHmac({ sub: freshUser(), scope: EVERYTHING })}`,
      way,
    );
    const isManagement = way[1] === '/x/publish';
    for (const answer of [byRsa, byHmac])
      expect([answer.status, answer.text]).toEqual(isManagement ? [200, '{"routed":true}'] : [204, '']);
    expect((await topology.drain()).map(({ content }) => content.toString())).toEqual(['x', 'x']);
  });

  it.each(publishing)('that has expired, was forged or is none is told so for %s', async (...way) => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const refused = [
      `Bearer ${tokenFor(user, { exp: inSeconds(-10) })}`,
      `Bearer ${tokenFor(user, { exp: inSeconds(-10) + 0.5 })}`,
      `Bearer ${new TokenIssuer().sign({ sub: user, scope: EVERYTHING })}`,
      'Bearer opaque',
      `Basic ${btoa(`anybody:${tokenFor(user, { exp: inSeconds(-10) })}`)}`,
      `Basic ${btoa(`anybody:${tokenFor(user, { exp: inSeconds(-10) + 0.5 })}`)}`,
      `Basic ${btoa(`anybody:${new TokenIssuer().sign({ sub: user, scope: EVERYTHING })}`)}`,
    ];
    for (const authorization of refused) {
      const answer = await publishWith(gateway, authorization, way);
      expect([answer.status, answer.headers['www-authenticate'], answer.headers['statelessd-error']]).toEqual([
        401,
        INVALID,
        'unauthenticated; published=no',
      ]);
    }
    expect((await statsOf(gateway)).connections).toEqual({});
  });

  it('is judged once, however often and however concurrently it is used', async () => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const token = tokenFor(user);
    const before = await attempts();
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(gateway, token)));
    for (let n = 0; n < 50; n += 1) answers.push(await post(gateway, token));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]));
    await expect.poll(attempts).toEqual({ ...before, succeeded: before.succeeded + 1 });
    expect(await entryOf(gateway, user)).toMatchObject({ publishes: 100, connections: { opened: 1, closed: 0 } });
  });

  it.each([
    ['one after the other', false],
    ['all at once', true],
  ])('shares one lasting connection with 30 of the same user that come %s', async (_name, atOnce) => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const tokens = Array.from({ length: 30 }, (_token, n) => tokenFor(user, { exp: inSeconds(1000 + n), nbf: n }));
    const statuses: number[] = [];
    if (atOnce) statuses.push(...(await Promise.all(tokens.map((token) => post(gateway, token)))).map((a) => a.status));
    else for (const token of tokens) statuses.push((await post(gateway, token)).status);
    expect(statuses).toEqual(tokens.map(() => 204));
    await expect.poll(() => connectionsOf(user), { timeout: 20_000 }).toBe(1);
    for (const token of tokens) expect((await post(gateway, token)).status).toBe(204);
    expect(await connectionsOf(user)).toBe(1);
    expect(Object.keys((await statsOf(gateway)).connections)).toEqual([`${topology.vhost}:${user}`]);
    expect(await entryOf(gateway, user)).toMatchObject({ publishes: 60, connected: true });
  });

  it('is the same as the password of any user name, and the names leave no trace', async () => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const token = tokenFor(user);
    const before = await attempts();
    const names = Array.from({ length: 20 }, (_name, n) => `invented-${n}`);
    for (const username of names) expect((await postAs(gateway, { username, password: token })).status).toBe(204);
    expect((await post(gateway, token)).status).toBe(204);
    await expect.poll(attempts).toEqual({ ...before, succeeded: before.succeeded + 1 });
    expect(Object.keys((await statsOf(gateway)).connections)).toEqual([`${topology.vhost}:${user}`]);
    const metrics = (await http(gateway.port, '/metrics', { method: 'GET' })).text;
    expect(metrics).toContain(user);
    expect(metrics).not.toContain('invented');
    expect(await connectionsOf(user)).toBe(1);
  });

  it('serves until it expires, and no longer, while a younger one renews the connection', async () => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const [older, younger] = [tokenFor(user, { exp: inSeconds(6) }), tokenFor(user)];
    expect((await post(gateway, older)).status).toBe(204);
    expect((await post(gateway, younger)).status).toBe(204);
    expect((await post(gateway, older)).status).toBe(204);
    let last: Answer | undefined;
    await expect
      .poll(
        async () => {
          last = await post(gateway, older);
          return last.status;
        },
        { timeout: 20_000 },
      )
      .toBe(401);
    expect(last?.headers['www-authenticate']).toBe(INVALID);
    expect(last?.problem).toMatchObject({ detail: 'the token has expired', published: 'no' });
    expect((await postAs(gateway, { username: 'anybody', password: older })).status).toBe(401);
    expect((await post(gateway, younger)).status).toBe(204);
    expect(await connectionsOf(user)).toBe(1);
  });

  it('that has expired leaves no connection behind', async () => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const token = tokenFor(user, { exp: inSeconds(6) });
    expect((await post(gateway, token)).status).toBe(204);
    await expect.poll(() => entryOf(gateway, user), { timeout: 20_000 }).toMatchObject({ connected: false });
    await expect.poll(() => connectionsOf(user)).toBe(0);
    expect((await post(gateway, token)).status).toBe(401);
    expect((await post(gateway, tokenFor(user))).status).toBe(204);
  });

  it.each(publishing)('that expires while the body arrives publishes nothing: %s', async (...way) => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const token = tokenFor(user, { exp: inSeconds(6) });
    expect((await post(gateway, token)).status).toBe(204);
    const [name, path, call] = way;
    const target = `${path.endsWith('/publish') ? '/api/exchanges' : ''}/${topology.segment}${path}`;
    const headers = { 'content-type': String(call.headers?.['content-type']), authorization: `Bearer ${token}` };
    const sent = await PausedPost.begin(gateway.port, target, headers, String(call.body).replace(/\bx\b/, 'late'));
    await expect.poll(async () => (await post(gateway, token)).status, { timeout: 20_000 }).toBe(401);
    const answer = await sent.finish();
    expect([name, answer.status, answer.headers['www-authenticate']]).toEqual([name, 401, INVALID]);
    expect(answer.headers['statelessd-error']).toBe('unauthenticated; published=no');
    expect((await topology.drain()).map(({ content }) => content.toString())).not.toContain('late');
  });

  it.each([
    ['a connection of its own', false, false],
    ['one that a younger token goes on using', true, false],
    ['one that was opened again for it, and that a younger token goes on using', true, true],
  ])(
    'that expires while its messages wait for the broker ends their wait, on %s',
    async (_name, shared, reopened) => {
      const gateway = await gatewayWith({
        publishing: { publish_timeout: 60 },
        rabbitmq: { max_connections: 1 },
      });
      const user = freshUser();
      const [older, younger] = [tokenFor(user, { exp: inSeconds(12) }), tokenFor(user)];
      // Another user's takes the place of theirs.
      const reopening = reopened ? [tokenFor(freshUser()), older] : [];
      for (const token of [older, ...(shared ? [younger] : []), ...reopening])
        expect((await post(gateway, token)).status).toBe(204);
      await oauth.broker.kill();
      let held: Promise<Answer> | undefined;
      try {
        if (shared) held = post(gateway, younger);
        const answers = await Promise.all([
          post(gateway, older),
          http(gateway.port, `/${topology.segment}/x`, {
            headers: bearer(older, { 'content-type': 'application/x-ndjson' }),
            body: '{"routing_key":"k","body":"1"}\n{"routing_key":"k","body":"2"}',
          }),
        ]);
        for (const answer of answers) {
          expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, INVALID]);
          expect(answer.problem).toMatchObject({ detail: 'the token has expired', published: 'no' });
        }
      } finally {
        await oauth.broker.start();
        await oauth.restore('hmac');
      }
      if (held) expect((await held).status).toBe(204);
    },
    90_000,
  );

  it('that is forged costs the forger a refused login, and nobody else anything', async () => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const token = tokenFor(user);
    expect((await post(gateway, token)).status).toBe(204);
    const before = await entryOf(gateway, user);
    const forger = new TokenIssuer();
    const posts = Array.from({ length: 100 }, () => post(gateway, token));
    const forged = Array.from({ length: 10 }, (_token, n) =>
      post(gateway, forger.sign({ sub: user, scope: EVERYTHING, exp: inSeconds(9000 + n) })),
    );
    expect((await Promise.all(forged)).map(({ status }) => status)).toEqual(forged.map(() => 401));
    expect((await Promise.all(posts)).map(({ status }) => status)).toEqual(posts.map(() => 204));
    expect(await entryOf(gateway, user)).toMatchObject({ connections: before.connections, publishes: 101 });
    expect(await statsOf(gateway)).toMatchObject({ logins_refused: 10 });
    const known = token.split('.');
    const resigned = [known[0], known[1], forger.sign({}).split('.')[2]].join('.');
    expect((await post(gateway, resigned)).status).toBe(401);
  });

  it('never shares with another user, another scope or another vhost', async () => {
    const gateway = await gatewayWith();
    const [may, mayNot] = [freshUser(), freshUser()];
    const elsewhere = await topology.sibling(`${topology.vhost}-2`);
    await elsewhere.exchange('x', 'direct');
    expect((await post(gateway, tokenFor(may))).status).toBe(204);
    const onlyOther = { scope: ['rabbitmq.write:*/other', 'rabbitmq.read:*/*'] };
    for (const token of [tokenFor(mayNot, onlyOther), tokenFor(may, onlyOther)]) {
      const answer = await post(gateway, token);
      expect([answer.status, answer.problem.type]).toEqual([403, 'urn:statelessd:publish-refused']);
    }
    expect((await post(gateway, tokenFor(may))).status).toBe(204);
    const here = { scope: [`rabbitmq.write:${topology.vhost}/*`] };
    expect((await post(gateway, tokenFor(may, here))).status).toBe(204);
    const refused = await post(gateway, tokenFor(may, here), 'x', elsewhere);
    expect([refused.status, refused.problem.type]).toEqual([403, 'urn:statelessd:vhost-refused']);
    expect((await post(gateway, tokenFor(may), 'x', elsewhere)).status).toBe(204);
  });

  it.each([
    ['the youngest', 'rsa'],
    ['an older one', 'hmac'],
  ] as const)('whose key was revoked is refused after credentials_ttl: %s', async (_name, key) => {
    const gateway = await gatewayWith({ rabbitmq: { credentials_ttl: 1 } });
    const user = freshUser();
    const claims = { sub: user, scope: EVERYTHING };
    const tokens = {
      hmac: issuer.signHmac({ ...claims, exp: inSeconds(1000) }),
      rsa: issuer.sign({ ...claims, exp: inSeconds(2000) }),
    };
    for (const token of [tokens.hmac, tokens.rsa]) expect((await post(gateway, token)).status).toBe(204);
    await oauth.revoke(key);
    try {
      await expect.poll(async () => (await post(gateway, tokens[key])).status, { timeout: 20_000 }).toBe(401);
      const other = key === 'rsa' ? tokens.hmac : tokens.rsa;
      expect((await post(gateway, other)).status).toBe(204);
    } finally {
      await oauth.restore(key);
    }
  });

  it('whose key was revoked long ago is not taken even once', async () => {
    const gateway = await gatewayWith({ rabbitmq: { credentials_ttl: 1 } });
    const user = freshUser();
    const claims = { sub: user, scope: EVERYTHING };
    const older = issuer.signHmac({ ...claims, exp: inSeconds(1000) });
    for (const token of [older, issuer.sign(claims)]) expect((await post(gateway, token)).status).toBe(204);
    await oauth.revoke('hmac');
    try {
      const opened = async () => (await entryOf(gateway, user)).connections.opened;
      // Two renewals by the other token: the last answer about this one is older than credentials_ttl.
      await expect.poll(opened, { timeout: 20_000 }).toBeGreaterThanOrEqual(4);
      expect((await post(gateway, older)).status).toBe(401);
    } finally {
      await oauth.restore('hmac');
    }
  });

  it('that is fresh for each message loses none, under load', async () => {
    const gateway = await gatewayWith();
    const user = freshUser();
    await topology.drain();
    const ids = Array.from({ length: 400 }, (_id, n) => `m-${n}`);
    const waiting = [...ids];
    const answers: number[] = [];
    const worker = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        const exp = inSeconds(600 + ((waiting.length * 7919) % 1000));
        answers.push((await post(gateway, tokenFor(user, { exp }), id)).status);
      }
    };
    await Promise.all(Array.from({ length: 10 }, worker));
    expect(answers).toEqual(ids.map(() => 204));
    const arrived = (await topology.drain()).map(({ content }) => content.toString());
    expect(arrived.sort()).toEqual(ids.sort());
    await expect.poll(() => connectionsOf(user), { timeout: 20_000 }).toBe(1);
  });

  it('takes the place of an older one where the broker allows one connection', async () => {
    const narrow = await Topology.create(portsOf(oauth.broker));
    await narrow.exchange('x', 'direct');
    await narrow.api('PUT', `/vhost-limits/${narrow.segment}/max-connections`, { value: 1 });
    const gateway = await gatewayWith();
    const user = freshUser();
    const older = tokenFor(user);
    for (const token of [older, tokenFor(user, { exp: inSeconds(5000) }), older, tokenFor(user)])
      expect((await post(gateway, token, 'x', narrow)).status).toBe(204);
    await narrow.delete();
  });

  it('is told that the broker is blocked, where the one connection that it allows is an older one’s', async () => {
    const narrow = await Topology.create(portsOf(oauth.broker));
    await narrow.exchange('x', 'direct');
    await narrow.api('PUT', `/vhost-limits/${narrow.segment}/max-connections`, { value: 1 });
    const gateway = await gatewayWith();
    const user = freshUser();
    const [older, younger] = [tokenFor(user), tokenFor(user, { exp: inSeconds(5000) })];
    const outcome = async (token: string): Promise<string> => {
      const { status, headers } = await post(gateway, token, 'x', narrow);
      return `${status} ${headers['statelessd-error'] ?? ''}`;
    };
    const blocked = '503 broker-blocked; published=no';
    expect((await post(gateway, older, 'x', narrow)).status).toBe(204);
    await oauth.broker.ctl(['set_vm_memory_high_watermark', '0.00001']);
    try {
      // RabbitMQ blocks a connection when it publishes.
      await expect.poll(() => outcome(older), { timeout: 20_000 }).toBe(blocked);
      expect([await outcome(younger), await outcome(older)]).toEqual([blocked, blocked]);
    } finally {
      await oauth.broker.ctl(['set_vm_memory_high_watermark', '0.4']);
    }
    await expect.poll(() => outcome(younger), { timeout: 20_000 }).toBe('204 ');
    await narrow.delete();
  });

  it('with a topic permission does not answer for others what the broker refuses one', async () => {
    await topology.exchange('t', 'topic');
    const gateway = await gatewayWith();
    const token = tokenFor(freshUser(), { scope: ['rabbitmq.write:*/*/allowed.*', 'rabbitmq.read:*/*'] });
    const keys = ['allowed.first', 'denied', ...Array.from({ length: 20 }, (_key, n) => `allowed.${n}`)];
    const answers = await Promise.all(
      keys.map((key) =>
        http(gateway.port, `/${topology.segment}/t/${key}`, { headers: bearer(token), body: 'body=x' }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(keys.map((key) => (key === 'denied' ? 403 : 204)));
  });

  it('with neither sub nor client_id is one user, whatever names come with it', async () => {
    const gateway = await gatewayWith();
    const token = issuer.sign({ scope: EVERYTHING, department: randomUUID() });
    for (const username of ['one', 'two'])
      expect((await postAs(gateway, { username, password: token })).status).toBe(204);
    expect(Object.keys((await statsOf(gateway)).connections)).toEqual([`${topology.vhost}:`]);
  });

  it('is named by its client_id where it has no sub', async () => {
    const gateway = await gatewayWith();
    const client = freshUser();
    expect((await post(gateway, issuer.sign({ client_id: client, scope: EVERYTHING }))).status).toBe(204);
    expect(await entryOf(gateway, client)).toMatchObject({ publishes: 1 });
  });

  it('may say in user_id who sends, and nobody else', async () => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const token = tokenFor(user);
    const as = (name: string) =>
      http(gateway.port, `/${topology.segment}/x/k?user_id=${name}`, { headers: bearer(token), body: 'body=x' });
    expect((await as(user)).status).toBe(204);
    expect((await as('somebody-else')).status).toBe(403);
  });

  it('of a loopback user is refused from elsewhere', async () => {
    const gateway = await gatewayWith({ http: { xheaders: true } });
    const token = tokenFor('guest');
    const from = (address: string) =>
      http(gateway.port, `/${topology.segment}/x/k`, {
        headers: bearer(token, { 'x-forwarded-for': address }),
        body: 'body=x',
      });
    expect((await from('127.0.0.1')).status).toBe(204);
    expect((await from('203.0.113.9')).status).toBe(401);
  });

  it('leaves users with passwords as they are, even where a password looks like a token', async () => {
    const gateway = await gatewayWith();
    expect((await postAs(gateway, topology.user)).status).toBe(204);
    for (const exp of [inSeconds(1000), inSeconds(-1000)]) {
      const password = new TokenIssuer().sign({ sub: 'admin', exp });
      const user = await topology.addUser({ username: `u-${randomUUID()}`, password });
      const other = await topology.addUser({ username: `u-${randomUUID()}`, password: 'another' });
      expect((await postAs(gateway, user)).status).toBe(204);
      expect((await postAs(gateway, { ...user, username: other.username })).status).toBe(401);
      expect((await post(gateway, password)).status).toBe(401);
      expect(await entryOf(gateway, user.username)).toMatchObject({ publishes: 1 });
      expect(await entryOf(gateway, 'admin')).toBeUndefined();
    }
  });

  it('stands in no log, problem or stats', async () => {
    const gateway = await gatewayWith();
    const user = freshUser();
    const tokens = [tokenFor(user), new TokenIssuer().sign({ sub: user })];
    const texts: string[] = [];
    for (const token of tokens) {
      const { headers, text } = await post(gateway, token);
      texts.push(JSON.stringify(headers), text);
    }
    texts.push(JSON.stringify(await statsOf(gateway)));
    await gateway.says('not published');
    for (const text of [...texts, gateway.stderr])
      for (const token of tokens) for (const part of token.split('.').slice(1)) expect(text).not.toContain(part);
  });
});

describe('a broker that knows no tokens', () => {
  it('refuses one, and the client is told so', async () => {
    const topology = await Topology.create();
    await topology.exchangeWithQueue();
    const gateway = await gatewayForTest();
    const token = new TokenIssuer().sign({ sub: topology.user.username, scope: EVERYTHING });
    const answer = await http(gateway.port, `/${topology.segment}/x/k`, {
      headers: { ...FORM, authorization: `Bearer ${token}` },
      body: 'body=x',
    });
    expect([answer.status, answer.headers['www-authenticate'], answer.problem.type]).toEqual([
      401,
      INVALID,
      'urn:statelessd:unauthenticated',
    ]);
    const password = new TokenIssuer().sign({ sub: 'somebody' });
    const user = await topology.addUser({ username: `u-${randomUUID()}`, password });
    const accepted = await http(gateway.port, `/${topology.segment}/x/k`, { user, headers: FORM, body: 'body=x' });
    expect(accepted.status).toBe(204);
  });
});

import { describe, expect, it, onTestFinished } from 'vitest';
import { methodFrame, shortString } from '../support/frames.ts';
import { GatewayProcess, type Settings } from '../support/gateway.ts';
import { type Answer, FORM, http } from '../support/http.ts';
import { type Answers, type Published, type Script, ScriptedPeer } from '../support/scripted-peer.ts';

const USER = { username: 'guest', password: 'guest' };

describe('a broker that', () => {
  const given = async (script: Script, settings: Settings = {}, maxConnections?: number) => {
    const peer = await ScriptedPeer.start(script, maxConnections);
    const gateway = await GatewayProcess.start({ broker: { port: peer.port, managementPort: 0 }, ...settings });
    onTestFinished(async () => {
      await gateway.stop();
      await peer.close();
    });
    const post = (id: number | string, exchange = 'x'): Promise<Answer> =>
      http(gateway.port, `/v/${exchange}/k`, { user: USER, body: `body=${id}`, headers: FORM });
    const postAsync = (id: number): Promise<Answer> =>
      http(gateway.port, '/v/x/k', {
        user: USER,
        body: `body=${id}`,
        headers: { ...FORM, prefer: 'respond-async', 'x-request-id': `async-${id}` },
      });
    return { peer, gateway, post, postAsync };
  };
  /** The first message proves the exchange; those after it share a channel. */
  const afterTheFirst = (script: Script): Script => {
    let first = true;
    return (message, answers) => {
      if (!first) return script(message, answers);
      first = false;
      answers.ack(message.channel, message.tag);
    };
  };
  const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);
  const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  it('confirms out of order: every message gets its own confirm', async () => {
    const waiting: [Published, Answers][] = [];
    const { post } = await given(
      afterTheFirst((message, answers) => {
        waiting.push([message, answers]);
        if (waiting.length < 10) return;
        for (const [{ channel, tag, body }, to] of waiting.reverse())
          if (Number(body) % 2 === 0) to.ack(channel, tag);
          else to.nack(channel, tag);
      }),
    );
    await post('first');
    expect(statuses(await Promise.all(range(10).map((n) => post(n))))).toEqual(
      range(10).map((n) => (n % 2 === 0 ? 204 : 503)),
    );
  });

  it('confirms many at once: all of them are confirmed', async () => {
    let seen = 0;
    const { post } = await given(
      afterTheFirst(({ channel, tag }, answers) => {
        seen += 1;
        if (seen === 10) answers.ack(channel, tag, true);
      }),
    );
    await post('first');
    expect(statuses(await Promise.all(range(10).map((n) => post(n))))).toEqual(range(10).map(() => 204));
  });

  it('nacks many at once: all of them may be there', async () => {
    let seen = 0;
    const { post } = await given(
      afterTheFirst(({ channel, tag }, answers) => {
        seen += 1;
        if (seen === 5) answers.nack(channel, tag, true);
      }),
    );
    await post('first');
    const answers = await Promise.all(range(5).map((n) => post(n)));
    expect(answers.map(({ problem }) => [problem.type, problem.published])).toEqual(
      range(5).map(() => ['urn:statelessd:message-rejected', 'unknown']),
    );
  });

  it('never confirms: the answer is 504, and that it may be there', async () => {
    const { post } = await given(() => {}, { publishing: { publish_timeout: 0.5 } });
    const answer = await post(1);
    expect([answer.status, answer.problem.type, answer.problem.published]).toEqual([
      504,
      'urn:statelessd:confirm-timeout',
      'unknown',
    ]);
  });

  it('never confirms the first to an exchange: those behind it were not written', async () => {
    const { post, peer } = await given(() => {}, { publishing: { publish_timeout: 0.5 } });
    const answers = await Promise.all([1, 2, 3].map((n) => post(n)));
    expect(answers.map(({ problem }) => problem.published).toSorted()).toEqual(['no', 'no', 'unknown']);
    expect(peer.messages.length).toBe(1);
  });

  it('closes a shared channel: the guilty one is found by sending each alone', async () => {
    let closed = false;
    const { post } = await given(
      afterTheFirst(({ channel, tag, body }, answers) => {
        if (body === '3') {
          closed = true;
          answers.closeChannel(channel, 406, 'PRECONDITION_FAILED - this one');
        } else if (closed) answers.ack(channel, tag);
      }),
    );
    await post('first');
    const answers = await Promise.all(range(6).map((n) => post(n)));
    expect(statuses(answers)).toEqual([204, 204, 204, 400, 204, 204]);
    expect(answers[3]?.problem.detail).toBe('PRECONDITION_FAILED - this one');
  });

  it('ends the connection over one message, again and again: only that one is given up on', async () => {
    const { post } = await given(
      ({ channel, tag, body }, answers) => {
        if (body === 'poison') answers.closeConnection(541, 'INTERNAL_ERROR');
        else answers.ack(channel, tag);
      },
      { publishing: { publish_timeout: 20 } },
    );
    await post('first');
    const [poison, ...innocents] = await Promise.all([post('poison'), ...range(20).map((n) => post(n, `x${n % 3}`))]);
    expect([poison?.status, poison?.problem.type, poison?.problem.published, poison?.problem.detail]).toEqual([
      502,
      'urn:statelessd:broker-error',
      'unknown',
      'INTERNAL_ERROR',
    ]);
    expect(statuses(innocents)).toEqual(range(20).map(() => 204));
  });

  it('refuses on the second attempt what it may have taken at the first: the answer is "unknown"', async () => {
    let seen = 0;
    const { post } = await given(({ channel }, answers) => {
      seen += 1;
      if (seen === 1) answers.closeConnection(320, 'CONNECTION_FORCED - restart');
      else answers.closeChannel(channel, 404, "NOT_FOUND - no exchange 'x' in vhost 'v'");
    });
    const answer = await post(1);
    expect([answer.status, answer.problem.published]).toEqual([404, 'unknown']);
  });

  it('never confirms one message: the others to that exchange go on', async () => {
    const { post } = await given(
      ({ channel, tag, body }, answers) => {
        if (body !== 'stuck') answers.ack(channel, tag);
      },
      { publishing: { publish_timeout: 3 } },
    );
    const stuck = post('stuck');
    expect((await post(1)).status).toBe(204);
    expect((await stuck).status).toBe(504);
    expect((await post(2)).status).toBe(204);
  });

  it('owes confirms for ever: they take no places from messages that it does confirm', async () => {
    const { post } = await given(
      afterTheFirst(({ channel, tag, body }, answers) => {
        if (!body.startsWith('stuck')) answers.ack(channel, tag);
      }),
      { publishing: { publish_timeout: 0.5, max_in_flight: 10 } },
    );
    await post('first');
    const stuck = await Promise.all(range(10).map((n) => post(`stuck ${n}`)));
    expect(new Set(statuses(stuck))).toEqual(new Set([504]));
    expect(statuses(await Promise.all(range(10).map((n) => post(n))))).toEqual(range(10).map(() => 204));
  });

  it('nacks on one channel after another: they are replaced until one takes messages', async () => {
    let opened = 0;
    const { post } = await given(
      afterTheFirst(({ channel, tag, body }, answers) => {
        if (tag === 1n) opened += 1;
        // What is owed on the first channel keeps it open.
        if (body === 'owed') return;
        if (opened < 4) answers.nack(channel, tag);
        else answers.ack(channel, tag);
      }),
      { publishing: { publish_timeout: 1 } },
    );
    await post('first');
    expect((await post('owed')).status).toBe(504);
    await expect.poll(async () => (await post('m')).status, { timeout: 20_000 }).toBe(204);
  });

  it('is silent about one exchange: as many as may wait do, and others are served', async () => {
    const { post, peer, gateway } = await given(
      ({ channel, tag, body }, answers) => {
        if (body !== 'stuck') answers.ack(channel, tag);
      },
      { publishing: { publish_timeout: 3, max_held_messages: 1 } },
    );
    expect((await post('m', 'other')).status).toBe(204);
    const inFlight = post('stuck', 'silent');
    await expect.poll(() => peer.messages.length).toBe(2);
    const waiting = post('stuck', 'silent');
    await expect
      .poll(async () => (await http(gateway.port, '/stats', { method: 'GET' })).text, { interval: 5 })
      .toContain('"queue_size":1');
    const [other, third] = await Promise.all([post('m', 'other'), post('stuck', 'silent')]);
    expect([other.status, third.problem.type]).toEqual([204, 'urn:statelessd:overloaded']);
    expect((await Promise.all([inFlight, waiting])).map(({ status }) => status)).toEqual([504, 504]);
  });

  it('accepts one connection of a user, and owes a confirm on it: the others go on while it is renewed', async () => {
    const { post, postAsync, peer } = await given(
      ({ channel, tag, body }, answers) => {
        if (body !== '0') answers.ack(channel, tag);
      },
      { rabbitmq: { credentials_ttl: 2 }, publishing: { publish_timeout: 3 } },
      1,
    );
    expect((await post('first', 'other')).status).toBe(204);
    expect((await postAsync(0)).status).toBe(202);
    const seen = new Set<number>();
    while (peer.accepted < 3) seen.add((await post('m', 'other')).status);
    expect([...seen]).toEqual([204]);
  });

  it('blocks twice, in odd words, and unblocks once: messages go on', async () => {
    let answers: Answers | undefined;
    const blocked = (reason: string): Buffer => methodFrame(0, [10, 60], shortString(reason));
    const { post } = await given(
      ({ channel, tag, body }, to) => {
        answers = to;
        to.ack(channel, tag);
        if (body === 'full') to.send(Buffer.concat([blocked('memory'), blocked('dis\0k\r\n\u202e')]));
      },
      { publishing: { publish_timeout: 2 } },
    );
    expect((await post('full')).status).toBe(204);
    await expect
      .poll(async () => (await post(1)).problem, { timeout: 20_000 })
      .toMatchObject({
        type: 'urn:statelessd:broker-blocked',
        published: 'no',
        detail: 'memory',
      });
    answers?.send(methodFrame(0, [10, 61]));
    await expect.poll(async () => (await post(2)).status, { timeout: 20_000 }).toBe(204);
  });

  it('ends the connection at every message: it is not hammered with logins', async () => {
    const { post, gateway } = await given((_, answers) => answers.closeConnection(320, 'CONNECTION_FORCED'));
    const answer = await post(1);
    expect([answer.status, answer.problem.published]).toEqual([504, 'unknown']);
    expect(gateway.stderr.split('"connected"').length - 1).toBeLessThan(20);
  });

  it('confirms nothing until the gateway stops: what was answered 202 is logged, message by message', async () => {
    const { postAsync, gateway } = await given(() => {}, { http: { drain_timeout: 0.3 } });
    expect(statuses(await Promise.all(range(3).map(postAsync)))).toEqual([202, 202, 202]);
    gateway.kill('SIGTERM');
    await gateway.exited;
    for (const n of range(3)) expect(gateway.stderr).toContain(`"request_id":"async-${n}"`);
  });
});

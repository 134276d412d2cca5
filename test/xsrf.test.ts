import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayProcess } from './support/gateway.ts';
import { type Answer, FORM, http } from './support/http.ts';
import { Topology } from './support/topology.ts';

// As Tornado writes one secret: by itself, which was its first version, and under two masks, which is its second.
const SECRET = '8f1e2d3c4b5a69788796a5b4c3d2e1f0';
const MASKED = '2|01020304|8e1c2e384a586a7c8694a6b0c2d0e2f4|1380000000';
const MASKED_AGAIN = '2|ffffffff|70e1d2c3b4a5968778695a4b3c2d1e0f|1390000000';

describe('with xsrf_cookies, a form', () => {
  let topology: Topology;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    topology = await Topology.create();
    await topology.exchangeWithQueue();
    gateway = await GatewayProcess.start({ application: { xsrf_cookies: true } });
  });
  afterAll(async () => {
    await gateway.stop();
    await topology.delete();
  });

  const post = (fields: string, headers: Record<string, string>, query = ''): Promise<Answer> =>
    http(gateway.port, `/${topology.segment}/x/k${query}`, { user: topology.user, body: fields, headers });

  it.each([
    ['the same token in a field', `_xsrf=${SECRET}&`, {}, ''],
    ['the same secret under another mask', `_xsrf=${encodeURIComponent(MASKED_AGAIN)}&`, {}, ''],
    ['it in the query', '', {}, `?_xsrf=${SECRET}`],
    ['it in X-XSRFToken', '', { 'x-xsrftoken': SECRET }, ''],
    ['it in X-CSRFToken', '', { 'x-csrftoken': MASKED_AGAIN }, ''],
  ])('is published with %s as in the cookie', async (_, field, headers, query) => {
    const answer = await post(`${field}body=x`, { ...FORM, cookie: `a=b; _xsrf=${MASKED}`, ...headers }, query);
    expect(answer.status).toBe(204);
  });

  it.each([
    ['no token', '', `_xsrf=${SECRET}`],
    ['no cookie', `_xsrf=${SECRET}&`, 'a=b'],
    ['another token', '_xsrf=00&', `_xsrf=${SECRET}`],
    ['an empty token and cookie', '_xsrf=&', '_xsrf='],
  ])('is refused with %s', async (_, field, cookie) => {
    const answer = await post(`${field}body=x`, { ...FORM, cookie });
    expect([answer.status, answer.problem.type, answer.problem.published]).toEqual([
      403,
      'urn:statelessd:cross-site',
      'no',
    ]);
  });

  it('and nothing but a form needs it', async () => {
    expect((await post('x', { 'content-type': 'application/json' })).status).toBe(204);
  });
});

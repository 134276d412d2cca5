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

  const TEXT = { 'content-type': 'text/plain' };

  it.each<[string, Record<string, string>, string]>([
    ['a form, text/plain', TEXT, '_xsrf=x&body=x'],
    ['text with parameters', { 'content-type': 'Text/Plain; charset=UTF-8' }, 'x'],
    ['a body of no type', {}, 'x'],
    ['a body of an empty type', { 'content-type': '' }, 'x'],
    ['no body', {}, ''],
  ])('is, too, what any page can send without asking: %s', async (_, headers, body) => {
    const cookie = `_xsrf=${SECRET}`;
    const refused = await post(body, { ...headers, cookie }, '?body=y');
    expect([refused.status, refused.problem.type]).toEqual([403, 'urn:statelessd:cross-site']);
    expect((await post(body, { ...headers, cookie, 'x-xsrftoken': MASKED }, '?body=y')).status).toBe(204);
    expect((await post(body, { ...headers, cookie }, `?body=y&_xsrf=${SECRET}`)).status).toBe(204);
  });

  it('and nothing that a browser asks for first needs it', async () => {
    for (const type of ['application/json', 'application/octet-stream', 'text/html', 'image/png'])
      expect((await post('x', { 'content-type': type })).status).toBe(204);
  });

  const CALL = JSON.stringify({ properties: {}, routing_key: 'k', payload: 'x', payload_encoding: 'string' });
  const call = (headers: Record<string, string>): Promise<Answer> =>
    http(gateway.port, `/api/exchanges/${topology.segment}/x/publish`, { user: topology.user, body: CALL, headers });

  it.each<[string, Record<string, string>]>([
    ['text', TEXT],
    ['a form', FORM],
    ['nothing', {}],
  ])('may not be a call of the management API that says it is %s', async (_, headers) => {
    const cookie = `_xsrf=${SECRET}`;
    expect((await call({ ...headers, cookie })).status).toBe(403);
    expect((await call({ ...headers, cookie, 'x-xsrftoken': SECRET })).status).toBe(200);
    expect((await call({ 'content-type': 'application/json' })).status).toBe(200);
  });

  it('is no batch', async () => {
    const batch = (type: string): Promise<Answer> =>
      http(gateway.port, `/${topology.segment}/x`, {
        user: topology.user,
        body: '{"routing_key":"k","body":"x"}',
        headers: { 'content-type': type },
      });
    expect((await batch('application/x-ndjson')).status).toBe(204);
    expect((await batch('text/plain')).status).toBe(400);
  });
});

import { createServer, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { INNOCENT, isClean, judge, type Verdict } from './ledger.ts';
import { Load } from './load.ts';

const MESSAGES = 100;

/** What a gateway does with message number `n`: tells its client something, and stores it so many times. */
type Behaviour = (n: number) => { readonly status: number; readonly error?: string; readonly stored: number };

/** The accounts of a load on a gateway that behaves so. */
async function accountsOf(behaviour: Behaviour, ownErrors: string[] = []): Promise<Verdict> {
  const found = new Map<string, number>();
  let n = 0;
  const answer = (response: ServerResponse, body: string): void => {
    const { status, error, stored } = behaviour(n);
    n += 1;
    const id = body.replace('body=', '').split('%20')[0] ?? '';
    if (stored > 0) found.set(id, stored);
    if (status === 0) response.destroy();
    else response.writeHead(status, error === undefined ? {} : { 'Statelessd-Error': error }).end();
  };
  const server = createServer((request, response) => void text(request).then((body) => answer(response, body)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const load = new Load({
    ports: [typeof address === 'object' && address ? address.port : 0],
    clients: 4,
    messages: MESSAGES,
    shot: () => ({
      path: '/v/x/k',
      user: { username: 'u', password: 'p' },
      expectation: { ...INNOCENT, ownErrors },
    }),
  });
  return judge(await load.done(), found);
}

const oneIn10 =
  (wrong: ReturnType<Behaviour>): Behaviour =>
  (n) =>
    n % 10 === 0 ? wrong : { status: 204, stored: 1 };

it('finds nothing wrong with a gateway that keeps its word', async () => {
  const verdict = await accountsOf(oneIn10({ status: 503, error: 'broker-unavailable; published=no', stored: 0 }));
  expect(isClean(verdict)).toBe(true);
  expect(verdict).toMatchObject({ messages: MESSAGES, confirmed: 90, unavailable: 10, duplicates: 0 });
});

it.each([
  ['a 204 for a message that is not there', { status: 204, stored: 0 }, 'lost'],
  ['a "no" for a message that is there', { status: 503, error: 'overloaded; published=no', stored: 1 }, 'falseNo'],
  [
    'an error that is somebody else’s',
    { status: 404, error: 'exchange-not-found; published=no', stored: 0 },
    'misattributed',
  ],
  ['no answer', { status: 0, stored: 0 }, 'unanswered'],
] as const)('turns red over %s', async (_, wrong, where) => {
  const verdict = await accountsOf(oneIn10(wrong));
  expect(isClean(verdict)).toBe(false);
  expect(verdict[where]).toHaveLength(10);
});

it('counts duplicates, and allows an unknown outcome either way', async () => {
  const twice = await accountsOf(oneIn10({ status: 204, stored: 2 }));
  expect([isClean(twice), twice.duplicates]).toEqual([true, 10]);
  const unknown = await accountsOf((n) => ({
    status: 504,
    error: 'confirm-timeout; published=unknown',
    stored: n % 2,
  }));
  expect(isClean(unknown)).toBe(true);
});

import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Block, readDocument } from './document.ts';
import { Place } from './place.ts';
import { type Ran, run } from './run.ts';

/** The programs of docs/clients.md that try again. */
const loops = readDocument('docs/clients.md').blocks.filter(({ code }) => /for .*attempt/.test(code));

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  /** Ends the connection instead of answering. */
  readonly breaks?: boolean;
}

/** tcpmux(1) is nowhere any more. */
const NOBODY = '127.0.0.1:1';

/** Says how long it would have waited, instead of waiting. */
const pausesPrinted = (code: string): string =>
  code.replace('sleep(', 'printf("pause %s\\n", ').replace('sleep "', 'echo "pause ');

const published: Reply = { status: 204 };
const later: Reply = { status: 503, headers: { 'Statelessd-Error': 'overloaded; published=no', 'Retry-After': '7' } };
const refused: Reply = { status: 403, headers: { 'Statelessd-Error': 'publish-refused; published=no' } };
const unknown: Reply = { status: 504, headers: { 'Statelessd-Error': 'confirm-timeout; published=unknown' } };
const proxys: Reply = { status: 502 };
const broken: Reply = { status: 0, breaks: true };

describe.each(loops)('the retries of docs/clients.md in $language', (block) => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.create();
  });
  afterAll(() => place.delete());

  /** Runs it against a gateway that gives these answers, and counts the requests. */
  async function against(replies: readonly Reply[], code = block.code): Promise<Ran & { readonly requests: number }> {
    let requests = 0;
    const server = createServer((request, response) => {
      const { status, headers = {}, breaks } = replies[requests] ?? published;
      requests += 1;
      request.resume().once('end', () => {
        if (breaks) request.socket.destroy();
        else response.writeHead(status, headers).end();
      });
    });
    onTestFinished(() => {
      server.close();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const here: Block = { ...block, code: pausesPrinted(code).replaceAll('localhost:8000', `127.0.0.1:${port}`) };
    return { ...(await run(here, place)), requests };
  }

  const withoutKey = block.code.replace(/(, '| )(order|backup)-4711'?/, '');

  it('come after Retry-After where nothing was published', async () => {
    const { code, requests, stdout } = await against([later, later]);
    expect({ code, requests }).toEqual({ code: 0, requests: 3 });
    expect(stdout).toContain('pause 7\npause 7\n');
    expect(await against([later], withoutKey)).toMatchObject({ code: 0, requests: 2 });
  });

  it('do not come for what was refused for good', async () => {
    const { code, requests, stderr, stdout } = await against([refused]);
    expect(requests).toBe(1);
    expect(code).not.toBe(0);
    expect(stderr + stdout).toContain('publish-refused; published=no');
  });

  it.each([
    ['the gateway does not know', unknown],
    ['a proxy answered', proxys],
    ['no answer came', broken],
  ])('come only for a message with an id where %s', async (_, reply) => {
    expect(await against([reply])).toMatchObject({ code: 0, requests: 2 });
    const { code, requests } = await against([reply], withoutKey);
    expect(requests).toBe(1);
    expect(code).not.toBe(0);
  });

  it('end', async () => {
    const { code, requests } = await against(Array<Reply>(9).fill(later));
    expect(requests).toBe(5);
    expect(code).not.toBe(0);
  });

  it('come where there is no connection', async () => {
    const { code, stdout } = await run(
      { ...block, code: pausesPrinted(withoutKey).replaceAll('localhost:8000', NOBODY) },
      place,
    );
    expect(code).not.toBe(0);
    expect(stdout).toContain('pause 1\npause 1\n');
  });
});

it('docs/clients.md shows retries in PHP and in shell', () => {
  expect(loops.map(({ language }) => language)).toEqual(['php', 'sh']);
});

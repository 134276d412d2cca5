import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import * as v from 'valibot';
import { basic } from '../support/http.ts';
import type { User } from '../support/topology.ts';
import type { Entry, Expectation } from './ledger.ts';

/** One request to make; its body carries the id. */
export interface Shot {
  readonly path: string;
  readonly user: User;
  readonly expectation: Expectation;
  /** More fields of the form, after `body=<id>`. */
  readonly fields?: string;
  /** Bytes that are appended to the id. */
  readonly padding?: string;
}

export interface LoadOptions {
  /** Chosen in turn for each request. */
  readonly ports: readonly number[];
  readonly clients: number;
  /** What request number `n` is. */
  readonly shot: (n: number) => Shot;
  /** Ends the load after so many requests. */
  readonly messages?: number;
  /** Every so many requests of a client are one: a batch of as many messages, where they have one user and vhost. */
  readonly batchesOf?: number;
  /** Each client keeps its connection, which is the default, or opens one for each request. */
  readonly keepAlive?: boolean;
}

/** How long a client waits for its answer before it counts as unanswered. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Numbered messages from many clients at once, each waiting for its answer before it sends the next. */
export class Load {
  readonly entries: Entry[] = [];
  readonly #options: LoadOptions;
  readonly #agent: Agent;
  readonly #run = randomUUID().slice(0, 8);
  readonly #clients: Promise<void>;
  #stopped = false;
  #next = 0;
  #onProgress: (() => void)[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: options.keepAlive ?? true, maxSockets: Number.POSITIVE_INFINITY });
    this.#clients = Promise.all(Array.from({ length: options.clients }, () => this.#client())).then(() => {
      this.#agent.destroy();
    });
  }

  /** Resolves once so many have been answered. */
  async answered(count: number): Promise<void> {
    while (this.entries.length < count && !this.#stopped) {
      await new Promise<void>((resolve) => this.#onProgress.push(resolve));
    }
  }

  /** Sends nothing new, and resolves when every client has its answer. */
  async stop(): Promise<readonly Entry[]> {
    this.#stopped = true;
    return this.done();
  }

  async done(): Promise<readonly Entry[]> {
    await this.#clients;
    return this.entries;
  }

  async #client(): Promise<void> {
    for (let turn = 0; !this.#stopped && this.#left > 0; turn += 1) {
      const size = this.#options.batchesOf ?? 1;
      const taken = Math.min(turn % BATCH_EVERY === BATCH_EVERY - 1 ? size : 1, this.#left);
      const first = this.#next;
      this.#next += taken;
      const numbered = Array.from({ length: taken }, (_, k) => this.#numbered(first + k));
      this.entries.push(...(await this.#send(numbered)));
      for (const resolve of this.#onProgress.splice(0)) resolve();
    }
  }

  get #left(): number {
    return (this.#options.messages ?? Number.POSITIVE_INFINITY) - this.#next;
  }

  #numbered(n: number): Numbered {
    return { id: `${this.#run}-${n}`, n, shot: this.#options.shot(n) };
  }

  /** Those that can be are in batches, the others alone; all at once. */
  async #send(messages: readonly Numbered[]): Promise<Entry[]> {
    const groups = new Map<string, Numbered[]>();
    for (const message of messages) {
      const key = groupOf(message);
      groups.set(key, [...(groups.get(key) ?? []), message]);
    }
    return (await Promise.all([...groups.values()].map((group) => this.#sendGroup(group)))).flat();
  }

  async #sendGroup(group: readonly Numbered[]): Promise<Entry[]> {
    const [first] = group;
    if (!first) return [];
    const { ports } = this.#options;
    const startedAt = performance.now();
    const reply = await this.#post(
      ports[first.n % ports.length] ?? 0,
      group.length > 1 ? batchOf(group) : postOf(first),
    );
    const answeredAtMs = performance.now();
    const answers = answersOf(reply, group.length);
    return group.flatMap(({ id, shot: { expectation } }, index) => {
      const answer = answers[index];
      return answer ? { id, expectation, ...answer, milliseconds: answeredAtMs - startedAt, answeredAtMs } : [];
    });
  }

  /** Status 0: nothing came back. */
  #post(port: number, { path, user, type, body }: Post): Promise<Reply> {
    return new Promise((resolve) => {
      const outgoing = request({
        host: '127.0.0.1',
        port,
        method: 'POST',
        path,
        agent: this.#agent,
        headers: { authorization: basic(user), 'content-type': type },
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      const unanswered = ({ message }: Error): void => resolve({ status: 0, error: message, text: '' });
      outgoing.on('error', unanswered);
      outgoing.once('response', (response) => {
        const { statusCode = 0, headers } = response;
        const error = String(headers['statelessd-error'] ?? '');
        text(response).then((all) => resolve({ status: statusCode, error, text: all }), unanswered);
      });
      outgoing.end(body);
    });
  }
}

/** Of a client's requests, one in so many is a batch, where there are batches. */
const BATCH_EVERY = 5;

interface Numbered {
  readonly id: string;
  readonly n: number;
  readonly shot: Shot;
}

interface Post {
  readonly path: string;
  readonly user: User;
  readonly type: string;
  readonly body: string;
}

interface Reply {
  readonly status: number;
  readonly error: string;
  readonly text: string;
}

function postOf({ id, shot: { path, user, padding = '', fields = '' } }: Numbered): Post {
  return { path, user, type: 'application/x-www-form-urlencoded', body: `body=${id}%20${padding}${fields}` };
}

const vhostOf = ({ path }: Shot): string => path.split('/')[1] ?? '';

const PERSISTENT = '&delivery_mode=2';

/** Messages of one group can be a batch: they have a user and a vhost in common, and no fields but perhaps this one. */
function groupOf({ id, shot }: Numbered): string {
  const { user, fields = '' } = shot;
  return fields === '' || fields === PERSISTENT ? `${user.username} ${vhostOf(shot)}` : id;
}

function batchOf(messages: readonly Numbered[]): Post {
  const [first] = messages;
  if (!first) throw new Error('a batch has messages');
  const lines = messages.map(({ id, shot }) => {
    const [, , exchange = '', routing_key = ''] = shot.path.split('/').map(decodeURIComponent);
    const mode = shot.fields === PERSISTENT ? { delivery_mode: 2 } : {};
    return `${JSON.stringify({ exchange, routing_key, ...mode, body: `${id} ${shot.padding ?? ''}` })}\n`;
  });
  const { user } = first.shot;
  return { path: `/${vhostOf(first.shot)}`, user, type: 'application/x-ndjson', body: lines.join('') };
}

type Answer = Pick<Entry, 'status' | 'slug' | 'published'>;

function answerOf({ status, error }: Reply): Answer {
  const [slug = '', published = status === 0 ? 'unknown' : ''] = error.split('; published=');
  return { status, slug, published };
}

const RESULTS = v.object({
  results: v.array(v.object({ status: v.number(), type: v.optional(v.string(), ''), published: v.string() })),
});

/** What the client of a batch is told of each of its messages. */
function answersOf(reply: Reply, count: number): Answer[] {
  const answer = answerOf(reply);
  if (answer.slug !== 'batch-incomplete') return Array.from({ length: count }, () => answer);
  return v.parse(RESULTS, JSON.parse(reply.text)).results.map(({ status, type, published }) => ({
    status,
    slug: type.replace('urn:statelessd:', ''),
    // As of a post of its own, whose 204 says no more.
    published: status === 204 ? '' : published,
  }));
}

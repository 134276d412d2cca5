import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
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
    while (!this.#stopped && this.#next < (this.#options.messages ?? Number.POSITIVE_INFINITY)) {
      const n = this.#next;
      this.#next += 1;
      this.entries.push(await this.#send(n));
      for (const resolve of this.#onProgress.splice(0)) resolve();
    }
  }

  async #send(n: number): Promise<Entry> {
    const id = `${this.#run}-${n}`;
    const shot = this.#options.shot(n);
    const startedAt = performance.now();
    const { ports } = this.#options;
    const answer = await this.#post(ports[n % ports.length] ?? 0, id, shot);
    const answeredAtMs = performance.now();
    return { id, expectation: shot.expectation, ...answer, milliseconds: answeredAtMs - startedAt, answeredAtMs };
  }

  #post(port: number, id: string, shot: Shot): Promise<Pick<Entry, 'status' | 'slug' | 'published'>> {
    return new Promise((resolve) => {
      const outgoing = request({
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: shot.path,
        agent: this.#agent,
        headers: { authorization: basic(shot.user), 'content-type': 'application/x-www-form-urlencoded' },
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      const unanswered = (error: Error): void => resolve({ status: 0, slug: error.message, published: 'unknown' });
      outgoing.on('error', unanswered);
      outgoing.once('response', (response) => {
        const [slug = '', published = ''] = String(response.headers['statelessd-error'] ?? '').split('; published=');
        response.on('error', unanswered);
        response.resume().once('end', () => resolve({ status: response.statusCode ?? 0, slug, published }));
      });
      outgoing.end(`body=${id}%20${shot.padding ?? ''}${shot.fields ?? ''}`);
    });
  }
}

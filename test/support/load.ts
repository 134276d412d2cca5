import { type Agent, request } from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';
import { basic, FORM } from './http.ts';
import type { Topology } from './topology.ts';

/** One numbered message, and what its client saw. */
export interface Attempt {
  readonly id: number;
  readonly port: number;
  /**
   * The gateway had the request's connection for certain: an earlier request on it was answered, or it said
   * `100 Continue`. A connection of which it knows nothing yet may wait in the kernel.
   */
  readonly taken: boolean;
  /** Undefined where no answer came. */
  readonly status: number | undefined;
  /** Why none came, as an error code. */
  readonly failure: string | undefined;
}

export interface LoadOptions {
  readonly ports: readonly number[];
  /** Clients for each port; each has one request under way at a time. */
  readonly clients: number;
  /** Keeps connections. Without one each request has its own, and waits for `100 Continue` before it sends its body. */
  readonly agent?: Agent;
}

/** No load goes on for longer, whatever a test waits for. */
const MAX_ATTEMPTS = 50_000;

let lastId = 0;

/** Publishes numbered messages to the topology's exchange `x` until it is stopped. */
export class Load {
  readonly #attempts: Attempt[] = [];
  readonly #topology: Topology;
  readonly #agent: Agent | undefined;
  readonly #clients: readonly Promise<void>[];
  readonly #onAttempt = new Set<() => void>();
  #stopped = false;

  constructor(topology: Topology, { ports, clients, agent }: LoadOptions) {
    this.#topology = topology;
    this.#agent = agent;
    this.#clients = ports.flatMap((port) => Array.from({ length: clients }, () => this.#run(port)));
  }

  /** Waits for so many more confirmed messages on each of the ports. */
  async confirms(count: number, ports: readonly number[]): Promise<void> {
    const from = this.#attempts.length;
    const enough = (): boolean => {
      const confirmed = this.#attempts.slice(from).filter(({ status }) => status === 204);
      return ports.every((port) => confirmed.filter((attempt) => attempt.port === port).length >= count);
    };
    while (!enough()) {
      if (this.#stopped) throw new Error('the load ended before there were enough confirmed messages');
      await new Promise<void>((resolve) => this.#onAttempt.add(resolve));
    }
  }

  /** Lets every client finish what it is at. */
  async stop(): Promise<readonly Attempt[]> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    return this.#attempts;
  }

  async #run(port: number): Promise<void> {
    while (!this.#stopped) {
      const attempt = await this.#publish(port);
      this.#attempts.push(attempt);
      if (this.#attempts.length >= MAX_ATTEMPTS) this.#stopped = true;
      for (const wake of this.#onAttempt) wake();
      this.#onAttempt.clear();
      // A refused connection waits for nothing.
      if (attempt.failure !== undefined) await turn();
    }
  }

  #publish(port: number): Promise<Attempt> {
    lastId += 1;
    const id = lastId;
    const body = `body=${id}`;
    return new Promise((resolve) => {
      let continued = false;
      const outgoing = request({
        host: '127.0.0.1',
        port,
        method: 'POST',
        path: `/${this.#topology.segment}/x/k`,
        agent: this.#agent ?? false,
        headers: {
          ...FORM,
          authorization: basic(this.#topology.user),
          'content-length': body.length,
          ...(!this.#agent && { expect: '100-continue' }),
        },
      });
      const finish = (status: number | undefined, failure?: string): void =>
        resolve({ id, port, taken: continued || outgoing.reusedSocket, status, failure });
      const fail = (error: NodeJS.ErrnoException): void => finish(undefined, error.code ?? error.message);
      outgoing.once('error', fail);
      outgoing.once('response', (response) => {
        outgoing.end();
        response.once('error', fail);
        response.once('end', () => finish(response.statusCode));
        response.resume();
      });
      outgoing.once('continue', () => {
        continued = true;
        outgoing.end(body);
      });
      if (this.#agent) outgoing.end(body);
      else outgoing.flushHeaders();
    });
  }
}

/** The numbers of messages that were confirmed and that no queue has: there must be none. */
export async function lost(topology: Topology, attempts: readonly Attempt[]): Promise<number[]> {
  const stored = new Set((await topology.drain()).map(({ content }) => Number(content.toString())));
  return attempts.flatMap(({ id, status }) => (status === 204 && !stored.has(id) ? [id] : []));
}

import type { Agent } from 'node:http';
import type { Broker } from '../../wrangler-free-local/broker.ts';
import type { GatewayProcess } from './gateway.ts';
import { type Answer, FORM, http, keepAliveAgent } from './http.ts';
import type { Topology, User } from './topology.ts';

/** What the answers to many requests were. */
export class Statuses {
  readonly #counts = new Map<number, number>();

  add(status: number): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1);
  }

  get seen(): number[] {
    return [...this.#counts.keys()].toSorted();
  }

  of(status: number): number {
    return this.#counts.get(status) ?? 0;
  }
}

export type Headers = Record<string, string>;

/** The headers of a proxy that has seen these addresses. */
export const via = (...addresses: readonly string[]): Headers => ({ 'x-forwarded-for': addresses.join(', ') });

/** Posts of users, right and wrong, to one exchange. */
export class Guessers {
  readonly #topology: Topology;
  readonly #agent: Agent = keepAliveAgent(60);

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  close(): void {
    this.#agent.destroy();
  }

  post(
    gateway: GatewayProcess,
    user: User,
    headers: Headers = {},
    agent: Agent | false = this.#agent,
  ): Promise<Answer> {
    const call = { user, body: 'body=x', headers: { ...FORM, ...headers } };
    return http(gateway.port, `/${this.#topology.segment}/x/k`, call, agent);
  }

  /** The users of an own test: others may have been guessed at. */
  newUser(): Promise<User> {
    return this.#topology.addUser({ username: `u-${crypto.randomUUID()}`, password: 'right' });
  }

  /**
   * Makes so many guesses at a user's password, some at once. `from` has the headers of guess number n. Of the passwords
   * in `learned`, the answers have told whether they are right.
   */
  async guess(
    gateway: GatewayProcess,
    { username }: User,
    guesses: number,
    from: (n: number) => Headers,
    { atOnce = 20, rightEvery = 0, right = '' } = {},
  ): Promise<{ readonly all: Statuses; readonly right: Statuses; readonly learned: ReadonlySet<string> }> {
    const outcome = { all: new Statuses(), right: new Statuses(), learned: new Set<string>() };
    let next = 0;
    const guesser = async (): Promise<void> => {
      while (next < guesses) {
        next += 1;
        const n = next;
        const isRight = rightEvery > 0 && n > 40 && n % rightEvery === 0;
        const password = isRight ? right : `guess-${n}-${crypto.randomUUID()}`;
        const { status } = await this.post(gateway, { username, password }, from(n));
        outcome.all.add(status);
        if (status !== 429) outcome.learned.add(password);
        if (isRight) outcome.right.add(status);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, guesser));
    return outcome;
  }
}

/** Logins that RabbitMQ has judged. */
export async function loginsOf(broker: Broker): Promise<{ readonly failed: number; readonly all: number }> {
  const { json } = await broker.api('GET', `/auth/attempts/${broker.nodename}`);
  const amqp = Array.isArray(json) ? json.find(({ protocol }) => protocol === 'amqp091') : undefined;
  return { failed: amqp?.auth_attempts_failed ?? 0, all: amqp?.auth_attempts ?? 0 };
}

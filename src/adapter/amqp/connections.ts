import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logs } from '../../handler/log.ts';
import type {
  Address,
  AdmissionOutcome,
  AdmissionRequest,
  Publisher,
  PublishFailure,
} from '../../handler/publisher.ts';
import { Budget } from './budget.ts';
import { Connection, type ConnectionHost, type ConnectionOptions } from './connection.ts';
import { CredentialsIndex } from './credentials-index.ts';
import { HeldMessages } from './held.ts';
import type { Login } from './link.ts';
import { Logins } from './logins.ts';
import { ConnectionStatistics } from './statistics.ts';

export interface ConnectionsOptions extends ConnectionOptions {
  readonly maxConnections: number;
  readonly maxHeldMessages: number;
  readonly maxHeldBytes: number;
  /** A connection without use for this long is closed, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** How long a first login may take, in milliseconds. */
  readonly loginTimeoutMs: number;
  /** Users that may come from loopback clients only. */
  readonly loopbackUsers: readonly string[];
}

const SWEEP_MS = 1_000;

/** For all that was given up on to be told of. */
const LAST_OUTCOMES_MS = 2_000;

/** Accepted logins remembered beyond their connections. */
const MAX_ACCEPTED = 10_000;

const ALL_BUSY: AdmissionOutcome = {
  kind: 'overloaded',
  detail: 'all connections to the broker are busy',
  published: 'no',
};

/**
 * The connection map: one entry for each vhost, user and password that the broker has accepted. No entry comes to be
 * before that, none serves other credentials, and the least recently used idle one makes room for a new one.
 */
export class Connections implements Publisher {
  readonly statistics = new ConnectionStatistics();
  readonly #options: ConnectionsOptions;
  readonly #logs: Logs;
  readonly #budget: Budget;
  readonly #held: HeldMessages;
  readonly #entries = new CredentialsIndex<Connection>();
  /** All that have not taken leave of the broker yet, in the map or not. */
  readonly #alive = new Set<Connection>();
  /** Logins that the broker accepted and has not refused since. */
  readonly #accepted = new CredentialsIndex<Login>();
  /** The same, the oldest first. */
  readonly #acceptedInOrder = new Set<Login>();
  readonly #logins: Logins;
  readonly #sweep: NodeJS.Timeout;
  #undone = 0;
  #closing = false;
  #onAllDone: (() => void) | undefined;

  constructor(options: ConnectionsOptions, logs: Logs) {
    this.#options = options;
    this.#logs = logs;
    this.#budget = new Budget(options.maxHeldBytes);
    this.#held = new HeldMessages(options.maxHeldMessages);
    const { hosts } = options.session.link;
    this.#logins = new Logins({
      connectionFor: (login) => this.#connectionFor(login),
      judge: (login) => hosts.loginFrames.refusalOf(login, hosts.all),
      find: (login) => this.#entries.get(login),
      add: (connection) => this.#add(connection),
      drop: (connection) => this.#alive.delete(connection),
    });
    this.#sweep = setInterval(() => this.#closeIdle(performance.now()), SWEEP_MS);
    this.#sweep.unref();
  }

  get connected(): boolean {
    for (const connection of this.#entries.values()) if (connection.connected) return true;
    return false;
  }

  /** Why the broker takes no messages, where it said so on any connection, and since when. */
  get blocked(): { readonly reason: string; readonly since: number } | undefined {
    let first: { readonly reason: string; readonly since: number } | undefined;
    for (const { blocked } of this.#entries.values())
      if (blocked && !(first && first.since <= blocked.since)) first = blocked;
    return first;
  }

  /** What waits in memory: messages for a connection or a place on it, and bytes of all bodies. */
  get held(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#held.size, bytes: this.#budget.bytes };
  }

  /** Logins that the broker refused, so far. */
  get loginsRefused(): number {
    return this.#logins.refused;
  }

  admit(request: AdmissionRequest): AdmissionOutcome | Promise<AdmissionOutcome> {
    if (this.#closing) return { kind: 'shutting-down', published: 'no' };
    const { credentials, vhost, client, size, patient } = request;
    const login: Login = { vhost, ...credentials };
    if (client.scope !== 'loopback' && this.#options.loopbackUsers.includes(login.username))
      return {
        kind: 'login-refused',
        detail: 'this user may come from the loopback interface only',
        published: 'no',
      };
    const connection = this.#entries.get(login);
    if (connection) return this.#track(connection.admit(size, patient));
    if (this.#accepted.get(login)) return this.#admitKnown(login, request);
    const refusal = this.#logins.known(login);
    if (refusal) return { ...refusal, published: 'no' };
    return this.#admitNew(login, request);
  }

  /** Gives an outcome to all that has none, and admits no more. */
  giveUp(): void {
    this.#closing = true;
    this.#logins.close();
    for (const connection of this.#alive) {
      if (!connection.idle) connection.destroy((delivery) => delivery.fail('shutting-down'));
    }
  }

  /** Waits until everything published has its outcome, or the time is over and it is given one. */
  async close(timeoutMs: number): Promise<void> {
    clearInterval(this.#sweep);
    await this.#allDone(timeoutMs);
    this.giveUp();
    // What was in flight on a destroyed connection gets its outcome within a turn of the event loop, what is left of a
    // batch within some more.
    await this.#allDone(LAST_OUTCOMES_MS);
    await nextTurn();
    await nextTurn();
    await Promise.all([...this.#alive].map((connection) => this.#retire(connection)));
  }

  #connectionFor(login: Login): Connection {
    const connection = new Connection(login, this.#options, this.#budget.share(), this.#host());
    this.#alive.add(connection);
    return connection;
  }

  /** Accepted before, and idle since: its connection is opened again when its message is there. */
  #admitKnown(login: Login, { size, patient }: AdmissionRequest): AdmissionOutcome {
    const connection = this.#connectionFor(login);
    return this.#track(this.#add(connection)?.admit(size, patient) ?? ALL_BUSY);
  }

  async #admitNew(login: Login, { client, size, patient }: AdmissionRequest): Promise<AdmissionOutcome> {
    const outcome = await this.#logins.wait(login, client, this.#options.loginTimeoutMs);
    switch (outcome.kind) {
      case 'open':
        return this.#track(outcome.connection.admit(size, patient));
      case 'busy':
        return ALL_BUSY;
      case 'overloaded':
        return {
          kind: 'overloaded',
          detail: 'too many logins wait for the broker',
          published: 'no',
        };
      default:
        return { ...outcome, published: 'no' };
    }
  }

  /** Gives a connection its place, and returns the one that has it: another may have been faster. */
  #add(connection: Connection): Connection | undefined {
    const standing = this.#entries.get(connection.login);
    if (this.#closing || standing || !this.#makeRoom()) {
      void this.#retire(connection);
      return standing;
    }
    this.#entries.set(connection.login, connection);
    this.statistics.add(connection);
    this.#accept(connection.login);
    return connection;
  }

  #accept(login: Login): void {
    if (this.#accepted.get(login)) return;
    this.#accepted.set(login, login);
    this.#acceptedInOrder.add(login);
    const [first] = this.#acceptedInOrder;
    if (first && this.#accepted.size > MAX_ACCEPTED) this.#forget(first);
  }

  #forget(login: Login): void {
    this.#accepted.delete(login, login);
    this.#acceptedInOrder.delete(login);
  }

  #makeRoom(): boolean {
    if (this.#entries.size < this.#options.maxConnections) return true;
    let oldest: Connection | undefined;
    for (const connection of this.#entries.values())
      if (connection.idle && connection.usedAt < (oldest?.usedAt ?? Number.POSITIVE_INFINITY)) oldest = connection;
    if (oldest) this.#remove(oldest);
    return oldest !== undefined;
  }

  #remove(connection: Connection): void {
    if (!this.#entries.delete(connection.login, connection)) return;
    void this.#retire(connection).then(() => this.statistics.remove(connection));
  }

  async #retire(connection: Connection): Promise<void> {
    await connection.retire();
    this.#alive.delete(connection);
  }

  #closeIdle(now: number): void {
    for (const connection of [...this.#entries.values()]) {
      if (connection.idle && now - connection.usedAt > this.#options.idleTimeoutMs) this.#remove(connection);
      else connection.closeIdleLanes(now);
      connection.latency.rotate(now);
    }
  }

  #track(outcome: AdmissionOutcome): AdmissionOutcome {
    if (outcome.kind === 'admitted') this.#undone += 1;
    return outcome;
  }

  #allDone(timeoutMs: number): Promise<void> {
    if (this.#undone === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onAllDone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #host(): ConnectionHost {
    return {
      held: this.#held,
      onRefused: (connection, refusal) => {
        const accepted = this.#accepted.get(connection.login);
        if (accepted) this.#forget(accepted);
        this.#logins.remember(connection.login, refusal);
        this.#remove(connection);
      },
      onDone: () => {
        this.#undone -= 1;
        if (this.#undone === 0) this.#onAllDone?.();
      },
      onAbandoned: (connection, requestId, address, failure) =>
        this.#logAbandoned(connection, requestId, address, failure),
      log: (level, sentence, { login }, fields) =>
        this.#logs.broker(level, sentence, {
          vhost: login.vhost,
          user: login.username,
          ...fields,
        }),
    };
  }

  #logAbandoned({ login }: Connection, requestId: string, address: Address, failure: PublishFailure): void {
    this.#logs.gateway('error', 'a message accepted with 202 was given up on', {
      request_id: requestId,
      vhost: address.vhost,
      user: login.username,
      exchange: address.exchange,
      routing_key: address.routingKey,
      outcome: failure.kind,
      published: failure.published,
    });
  }
}

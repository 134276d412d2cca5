import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logs } from '../../handler/log.ts';
import type {
  Address,
  AdmissionOutcome,
  AdmissionRequest,
  Client,
  Publisher,
  PublishFailure,
} from '../../handler/publisher.ts';
import { KnownOrigins } from '../throttle/known-origins.ts';
import type { Throttle } from '../throttle/throttle.ts';
import { ByteBudget } from './byte-budget.ts';
import { Connection, type ConnectionHost, type ConnectionOptions } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import { TOKEN_EXPIRED } from './delivery.ts';
import { HeldMessages } from './held.ts';
import { KnownLogins, type KnownToken } from './known-logins.ts';
import type { Login } from './link.ts';
import { type LoginAttemptOutcome, Logins } from './logins.ts';
import type { LoginRefusal } from './outcomes.ts';
import { ConnectionStatistics } from './statistics.ts';
import { tokenLogin, userOf } from './token-login.ts';

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

/**
 * A token that the broker accepted so long ago, as a part of `credentials_ttl`, is judged again when it is used. A
 * connection renews itself before, and the token that it logs in with.
 */
const AGED = 0.9;

const ALL_BUSY: AdmissionOutcome = {
  kind: 'overloaded',
  detail: 'all connections to the broker are busy',
  published: 'no',
};

const LOOPBACK_ONLY: AdmissionOutcome = {
  kind: 'login-refused',
  detail: 'this user may come from the loopback interface only',
  published: 'no',
};

/** What the credentials are as a user and a password. */
function asPassword({ vhost, credentials }: AdmissionRequest): Login {
  return credentials.kind === 'bearer'
    ? { vhost, username: '', password: credentials.token }
    : { vhost, username: credentials.username, password: credentials.password };
}

const isRefusal = (outcome: LoginAttemptOutcome): outcome is LoginRefusal =>
  outcome.kind !== 'open' && outcome.kind !== 'busy' && outcome.kind !== 'broker-limit';

const EXPIRED: AdmissionOutcome = { kind: 'login-refused', detail: TOKEN_EXPIRED, published: 'no' };

/**
 * The connection map: one entry for each vhost, user and password that the broker has accepted, and one for the tokens
 * of each identity. A token uses it only after the broker has accepted that very token by a login; what a token claims
 * decides no more than which entry. The least recently used idle one makes room for a new one.
 */
export class Connections implements Publisher {
  readonly statistics = new ConnectionStatistics();
  readonly #options: ConnectionsOptions;
  readonly #logs: Logs;
  readonly #budget: ByteBudget;
  readonly #held: HeldMessages;
  readonly #table = new ConnectionTable();
  /** All that have not taken leave of the broker yet, in the map or not. */
  readonly #alive = new Set<Connection>();
  readonly #known = new KnownLogins();
  readonly #logins: Logins;
  readonly #sweep: NodeJS.Timeout;
  #undone = 0;
  #closing = false;
  #onAllDone: (() => void) | undefined;

  constructor(options: ConnectionsOptions, logs: Logs, throttle: Throttle) {
    this.#options = options;
    this.#logs = logs;
    this.#budget = new ByteBudget(options.maxHeldBytes);
    this.#held = new HeldMessages(options.maxHeldMessages);
    const { hosts } = options.session.link;
    this.#logins = new Logins(
      {
        connectionFor: (login) => (login.token && this.#table.find(login)) ?? this.#create(login),
        judge: (login) => hosts.loginFrames.refusalOf(login, hosts.all),
        find: (login) => this.#findKnown(login),
        add: (connection, login) => this.#add(connection, login),
        drop: (connection, login) => {
          if (this.#table.find(login) !== connection && !connection.retired) this.#alive.delete(connection);
        },
        onRefused: (login) => this.#known.forget(login),
        onSucceeded: (login, client) => {
          const origins = login.token ? this.#known.token(login)?.origins : this.#known.originsOf(login);
          for (const each of [origins, this.#table.standing(login)?.origins]) each?.add(client);
        },
      },
      throttle,
    );
    this.#sweep = setInterval(() => this.#closeIdle(performance.now()), SWEEP_MS);
    this.#sweep.unref();
  }

  get connected(): boolean {
    for (const connection of this.#table.values()) if (connection.connected) return true;
    return false;
  }

  /** Why the broker takes no messages, where it said so on any connection, and since when. */
  get blocked(): { readonly reason: string; readonly since: number } | undefined {
    let first: { readonly reason: string; readonly since: number } | undefined;
    for (const { blocked } of this.#table.values())
      if (blocked && !(first && first.since <= blocked.since)) first = blocked;
    return first;
  }

  /** What waits in memory: messages for a connection or a place on it, and what all requests take, in bytes. */
  get held(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#held.size, bytes: this.#budget.bytes };
  }

  /** Logins that the broker refused, so far. */
  get loginsRefused(): number {
    return this.#logins.refused;
  }

  admit(request: AdmissionRequest): AdmissionOutcome | Promise<AdmissionOutcome> {
    if (this.#closing) return { kind: 'shutting-down', published: 'no' };
    const login = asPassword(request);
    if (!this.#mayComeFrom(request.client, login.username)) return LOOPBACK_ONLY;
    const standing = this.#table.standing(login);
    if (standing?.origins.has(request.client)) return this.#admitOn(standing.connection, request);
    // From here on a right password takes the same way as a wrong one, unless it has succeeded from there before.
    const origins = this.#known.originsOf(login);
    if (!standing && origins?.has(request.client)) return this.#admitKnown(login, request);
    return this.#admitToken(login, request) ?? this.#admitStranger(login, request);
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

  #admitOn(connection: Connection, { size, patient }: AdmissionRequest, expiresAt = Number.POSITIVE_INFINITY) {
    return this.#track(connection.admit(size, patient, expiresAt));
  }

  /** Accepted before, and idle since: its connection is opened again when its message is there. */
  #admitKnown(login: Login, request: AdmissionRequest): AdmissionOutcome {
    const connection = this.#place(this.#create(login));
    return connection ? this.#admitOn(connection, request, login.token?.expiresAt) : ALL_BUSY;
  }

  /**
   * A password that is a token: it is judged as one, whatever the user name beside it. Undefined for any other password,
   * and for a token that has expired by its own claims: as a mere password it may be good.
   */
  #admitToken(login: Login, request: AdmissionRequest): AdmissionOutcome | Promise<AdmissionOutcome> | undefined {
    const known = this.#known.token(login);
    const token = known?.origins.has(request.client) ? undefined : tokenLogin(login);
    const hints = token?.token ?? known;
    if (!hints) return undefined;
    if (!hints.names.every((name) => this.#mayComeFrom(request.client, name))) return LOOPBACK_ONLY;
    const isBearer = request.credentials.kind === 'bearer' || login.username === '';
    if (Date.now() >= hints.expiresAt) {
      // RabbitMQ up to 4.0 takes a fractional end for none, and would accept the token under any name.
      return known || isBearer || !Number.isInteger(hints.expiresAt / 1000) ? EXPIRED : undefined;
    }
    if (known?.origins.has(request.client)) return this.#admitKnownToken(known, login, request);
    if (!token) return undefined;
    return isBearer ? this.#admitStranger(token, request) : this.#admitTokenOrPassword(token, login, request);
  }

  /** The broker has accepted this token itself, not one like it. */
  #admitKnownToken(known: KnownToken, login: Login, request: AdmissionRequest) {
    const admit = (): AdmissionOutcome => {
      const connection = this.#table.findShared(known.identity);
      if (!connection) return this.#admitKnown(tokenLogin(login) ?? login, request);
      // It may have been opened again since, by one that ends sooner.
      const lasting = connection.lasts(known.expiresAt) ? undefined : tokenLogin(login);
      if (lasting) connection.offer(lasting);
      return this.#admitOn(connection, request, known.expiresAt);
    };
    const age = performance.now() - known.acceptedAt;
    const again = age < AGED * this.#options.credentialsTtlMs ? undefined : tokenLogin(login);
    const judged = again && this.#logins.again(again);
    if (!judged || age < this.#options.credentialsTtlMs) return admit();
    return judged.then((outcome) => (isRefusal(outcome) ? { ...outcome, published: 'no' as const } : admit()));
  }

  /** A broker without OAuth knows passwords that look like a token; then the user name counts, and nothing is shared. */
  async #admitTokenOrPassword(token: Login, login: Login, request: AdmissionRequest): Promise<AdmissionOutcome> {
    const outcome = await this.#admitStranger(token, request);
    return outcome.kind === 'login-refused' ? this.#admitStranger(login, request) : outcome;
  }

  /** A login that has not succeeded from there before. */
  async #admitStranger(login: Login, request: AdmissionRequest): Promise<AdmissionOutcome> {
    const outcome = await this.#logins.wait(login, request.client, this.#options.loginTimeoutMs);
    switch (outcome.kind) {
      case 'open':
        return this.#admitOn(outcome.connection, request, login.token?.expiresAt);
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

  /** A connection for a login that the broker has accepted, as long as that is believed without asking again. */
  #findKnown(login: Login): LoginAttemptOutcome | undefined {
    const known = login.token && this.#known.token(login);
    if (login.token && !(known && performance.now() - known.acceptedAt < this.#options.credentialsTtlMs))
      return undefined;
    const standing = this.#table.find(login);
    // It may have been opened again by a token that ends sooner.
    if (standing && login.token && !standing.lasts(login.token.expiresAt)) standing.offer(login);
    if (!standing && !login.token && !this.#known.originsOf(login)) return undefined;
    const connection = standing ?? this.#place(this.#create(login));
    return connection ? { kind: 'open', connection } : { kind: 'busy' };
  }

  #mayComeFrom({ scope }: Client, username: string): boolean {
    return scope === 'loopback' || !this.#options.loopbackUsers.includes(username);
  }

  #create(login: Login): Connection {
    const connection = new Connection(login, this.#options, this.#budget.shareOf(userOf(login)), this.#host());
    this.#alive.add(connection);
    return connection;
  }

  /** The login has succeeded on this connection. Returns the one that serves it. */
  #add(connection: Connection, login: Login): Connection | undefined {
    const standing = this.#table.find(login);
    if (standing === connection) return connection;
    // That of a token's elders has ended while this one was tried on it.
    if (connection.retired && !standing) return this.#place(this.#create(login));
    standing?.offer(login);
    return this.#place(connection);
  }

  /** Gives a connection its place, and returns the one that has it: another may have been faster. */
  #place(connection: Connection): Connection | undefined {
    const standing = this.#table.find(connection.login);
    if (this.#closing || standing || !this.#makeRoom()) {
      void this.#retire(connection);
      return standing;
    }
    this.#table.add(connection, this.#known.originsOf(connection.login) ?? new KnownOrigins());
    this.statistics.add(connection);
    return connection;
  }

  #makeRoom(): boolean {
    if (this.#table.size < this.#options.maxConnections) return true;
    let oldest: Connection | undefined;
    for (const connection of this.#table.values())
      if (connection.idle && connection.usedAt < (oldest?.usedAt ?? Number.POSITIVE_INFINITY)) oldest = connection;
    if (oldest) this.#remove(oldest);
    return oldest !== undefined;
  }

  #remove(connection: Connection): void {
    if (!this.#table.delete(connection)) return;
    void this.#retire(connection).then(() => this.statistics.remove(connection));
  }

  async #retire(connection: Connection): Promise<void> {
    await (connection.expired ? connection.expire() : connection.retire());
    this.#alive.delete(connection);
  }

  #closeIdle(now: number): void {
    this.#known.forgetExpired(Date.now());
    this.statistics.forgetOld(now);
    for (const connection of [...this.#table.values()]) {
      if (connection.expired) this.#remove(connection);
      else if (connection.idle && now - connection.usedAt > this.#options.idleTimeoutMs) this.#remove(connection);
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
      onAccepted: (login) => this.#known.accept(login),
      onRefused: (connection, refusal) => {
        this.#known.forget(connection.login);
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
          user: userOf(login),
          ...fields,
        }),
    };
  }

  #logAbandoned({ login }: Connection, requestId: string, address: Address, failure: PublishFailure): void {
    this.#logs.gateway('error', 'a message accepted with 202 was given up on', {
      request_id: requestId,
      vhost: address.vhost,
      user: userOf(login),
      exchange: address.exchange,
      routing_key: address.routingKey,
      outcome: failure.kind,
      published: failure.published,
    });
  }
}

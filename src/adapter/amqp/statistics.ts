import {
  type ConnectionStats,
  type ConnectionTotals,
  connectionKey,
  type ForgottenStats,
} from '../../handler/stats.ts';
import type { Connection } from './connection.ts';
import { Counters } from './counters.ts';
import { type Latencies, mergeLatencies, noLatencies, summarize } from './latency.ts';
import { userOf } from './token-login.ts';

interface Entry {
  readonly connections: Set<Connection>;
  /** Of connections that are gone. */
  readonly past: Counters;
  pastLatencies: Latencies | undefined;
  /** When the last connection went, in milliseconds of the monotonic clock. */
  goneAt: number;
}

/** What was done, by vhost and user, as `vhost:user`. */
export interface ConnectionsSnapshot {
  readonly stats: Readonly<Record<string, ConnectionStats>>;
  readonly forgotten: ForgottenStats;
  /** Of the last minutes, where there is a connection. */
  readonly recent: Readonly<Record<string, Latencies>>;
  /** Of all of them and all time. */
  readonly lifetime: Latencies;
}

/**
 * Names that are remembered beyond their connections, and for how long. An authentication backend may accept any name,
 * and each takes memory here and a dozen series in Prometheus.
 */
const MAX_GONE = 500;
const MAX_GONE_MS = 24 * 3_600_000;

/** What was done for each vhost and user, over all passwords and all connections there ever were. */
export class ConnectionStatistics {
  readonly #entries = new Map<string, Entry>();
  /** Those without a connection, the one that went first before the others. */
  readonly #gone = new Map<string, Entry>();
  readonly #forgotten = new Counters();
  #forgottenNames = 0;
  #forgottenLatencies = noLatencies();

  add(connection: Connection): void {
    const key = statsKey(connection);
    const entry = this.#entries.get(key) ?? {
      connections: new Set(),
      past: new Counters(),
      pastLatencies: undefined,
      goneAt: 0,
    };
    entry.connections.add(connection);
    this.#gone.delete(key);
    this.#entries.set(key, entry);
  }

  /** Its totals stay. Call when nothing of it is on its way any more. */
  remove(connection: Connection): void {
    const key = statsKey(connection);
    const entry = this.#entries.get(key);
    if (!entry?.connections.delete(connection)) return;
    entry.past.add(connection.counters);
    entry.pastLatencies = mergeLatencies([entry.pastLatencies ?? [], connection.latency.lifetime].flat());
    if (entry.connections.size > 0) return;
    entry.goneAt = performance.now();
    this.#gone.set(key, entry);
    this.forgetOld(entry.goneAt);
  }

  /** Names that had a connection last, and too long ago, are added to a sum. */
  forgetOld(now: number): void {
    for (const [key, entry] of this.#gone) {
      if (this.#gone.size <= MAX_GONE && now - entry.goneAt < MAX_GONE_MS) return;
      this.#gone.delete(key);
      this.#entries.delete(key);
      this.#forgottenNames += 1;
      this.#forgotten.add(entry.past);
      this.#forgottenLatencies = mergeLatencies([this.#forgottenLatencies, entry.pastLatencies ?? []].flat());
    }
  }

  snapshot(): ConnectionsSnapshot {
    const entries = [...this.#entries].map(([key, entry]) => [key, entry, recentOf(entry)] as const);
    return {
      stats: Object.fromEntries(entries.map(([key, entry, recent]) => [key, statsOf(entry, recent)])),
      forgotten: { names: this.#forgottenNames, ...totalsOf(this.#forgotten) },
      recent: Object.fromEntries(entries.flatMap(([key, , recent]) => (recent ? [[key, recent]] : []))),
      lifetime: mergeLatencies([this.#forgottenLatencies, ...entries.flatMap(([, entry]) => lifetimeOf(entry))]),
    };
  }
}

const statsKey = ({ login }: Connection): string => connectionKey(login.vhost, userOf(login));

const recentOf = ({ connections }: Entry): Latencies | undefined =>
  connections.size === 0 ? undefined : mergeLatencies([...connections].map(({ latency }) => latency.recent));

const lifetimeOf = ({ connections, pastLatencies }: Entry): readonly Latencies[] =>
  [pastLatencies ?? [], ...[...connections].map(({ latency }) => latency.lifetime)].flat();

function statsOf({ connections, past }: Entry, recent: Latencies | undefined): ConnectionStats {
  const live = [...connections];
  const total = new Counters();
  total.add(past);
  for (const connection of live) total.add(connection.counters);
  return {
    connected: live.some((connection) => connection.connected),
    queue_size: live.reduce((held, connection) => held + connection.held, 0),
    in_flight: live.reduce((inFlight, connection) => inFlight + connection.inFlight, 0),
    blocked: live.some((connection) => connection.blocked !== undefined),
    ...totalsOf(total),
    latency: summarize(recent ?? noLatencies()),
  };
}

const totalsOf = (total: Counters): ConnectionTotals => ({
  connections: { opened: total.connectionsOpened, closed: total.connectionsClosed },
  channels: { opened: total.channelsOpened, closed: total.channelsClosed },
  publishes: total.publishes,
  refused: total.refused,
  unroutable: total.unroutable,
  nacked: total.nacked,
  republished: total.republished,
  abandoned: total.abandoned,
});

import { type ConnectionStats, connectionKey } from '../../handler/stats.ts';
import type { Connection } from './connection.ts';
import { Counters } from './counters.ts';
import { type Latencies, mergeLatencies, noLatencies, summarize } from './latency.ts';
import { userOf } from './token-login.ts';

interface Entry {
  readonly connections: Set<Connection>;
  /** Of connections that are gone. */
  readonly past: Counters;
  pastLatencies: Latencies;
}

/** What was done, by vhost and user, as `vhost:user`. */
export interface ConnectionsSnapshot {
  readonly stats: Readonly<Record<string, ConnectionStats>>;
  /** Of the last minutes. */
  readonly recent: Readonly<Record<string, Latencies>>;
  /** Of all of them and all time. */
  readonly lifetime: Latencies;
}

/** What was done for each vhost and user, over all passwords and all connections there ever were. */
export class ConnectionStatistics {
  readonly #entries = new Map<string, Entry>();

  add(connection: Connection): void {
    const key = statsKey(connection);
    const entry = this.#entries.get(key) ?? {
      connections: new Set(),
      past: new Counters(),
      pastLatencies: noLatencies(),
    };
    entry.connections.add(connection);
    this.#entries.set(key, entry);
  }

  /** Its totals stay. Call when nothing of it is on its way any more. */
  remove(connection: Connection): void {
    const entry = this.#entries.get(statsKey(connection));
    if (!entry?.connections.delete(connection)) return;
    entry.past.add(connection.counters);
    entry.pastLatencies = mergeLatencies([entry.pastLatencies, connection.latency.lifetime]);
  }

  snapshot(): ConnectionsSnapshot {
    const entries = [...this.#entries].map(([key, entry]) => [key, entry, recentOf(entry)] as const);
    return {
      stats: Object.fromEntries(entries.map(([key, entry, recent]) => [key, statsOf(entry, recent)])),
      recent: Object.fromEntries(entries.map(([key, , recent]) => [key, recent])),
      lifetime: mergeLatencies(entries.map(([, entry]) => lifetimeOf(entry))),
    };
  }
}

const statsKey = ({ login }: Connection): string => connectionKey(login.vhost, userOf(login));

const recentOf = ({ connections }: Entry): Latencies =>
  mergeLatencies([...connections].map(({ latency }) => latency.recent));

const lifetimeOf = ({ connections, pastLatencies }: Entry): Latencies =>
  mergeLatencies([pastLatencies, ...[...connections].map(({ latency }) => latency.lifetime)]);

function statsOf({ connections, past }: Entry, recent: Latencies): ConnectionStats {
  const live = [...connections];
  const total = new Counters();
  total.add(past);
  for (const connection of live) total.add(connection.counters);
  return {
    connected: live.some((connection) => connection.connected),
    connections: {
      opened: total.connectionsOpened,
      closed: total.connectionsClosed,
    },
    channels: { opened: total.channelsOpened, closed: total.channelsClosed },
    publishes: total.publishes,
    queue_size: live.reduce((held, connection) => held + connection.held, 0),
    in_flight: live.reduce((inFlight, connection) => inFlight + connection.inFlight, 0),
    blocked: live.some((connection) => connection.blocked !== undefined),
    refused: total.refused,
    unroutable: total.unroutable,
    nacked: total.nacked,
    republished: total.republished,
    abandoned: total.abandoned,
    latency: summarize(recent),
  };
}

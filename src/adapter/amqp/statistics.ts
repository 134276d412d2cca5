import type { Connection } from './connection.ts';
import { Counters, LatencyWindow } from './counters.ts';

/** One entry of /stats' `connections`. Names and nesting are those of 2013; what comes after `queue_size` is newer. */
export interface ConnectionStats {
  readonly connected: boolean;
  readonly connections: { readonly opened: number; readonly closed: number };
  readonly channels: { readonly opened: number; readonly closed: number };
  readonly publishes: number;
  readonly queue_size: number;
  readonly in_flight: number;
  readonly blocked: boolean;
  readonly refused: number;
  readonly unroutable: number;
  readonly nacked: number;
  readonly republished: number;
  readonly abandoned: number;
  /** Seconds. */
  readonly latency: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
}

interface Entry {
  readonly connections: Set<Connection>;
  /** Of connections that are gone. */
  readonly past: Counters;
}

/** What was done for each vhost and user, over all passwords and all connections there ever were. */
export class ConnectionStatistics {
  readonly #entries = new Map<string, Entry>();

  add(connection: Connection): void {
    const key = statsKey(connection);
    const entry = this.#entries.get(key) ?? {
      connections: new Set(),
      past: new Counters(),
    };
    entry.connections.add(connection);
    this.#entries.set(key, entry);
  }

  /** Its totals stay. Call when nothing of it is on its way any more. */
  remove(connection: Connection): void {
    const entry = this.#entries.get(statsKey(connection));
    if (entry?.connections.delete(connection)) entry.past.add(connection.counters);
  }

  snapshot(): Record<string, ConnectionStats> {
    return Object.fromEntries([...this.#entries].map(([key, entry]) => [key, statsOf(entry)]));
  }
}

/** `vhost:user`, where a colon inside a name is `%3A`. */
function statsKey({ login }: Connection): string {
  return [login.vhost, login.username].map((name) => name.replaceAll(':', '%3A')).join(':');
}

function statsOf({ connections, past }: Entry): ConnectionStats {
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
    latency: LatencyWindow.summary(live.map((connection) => connection.latency)),
  };
}

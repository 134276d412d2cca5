import type {
  BackendStats,
  ConnectionStats,
  ConnectionTotals,
  InstallationStats,
  TotalStats,
} from '../../handler/stats.ts';
import { mergeLatencies, summarize } from '../amqp/latency.ts';
import type { Snapshot, Survey } from './snapshot.ts';

/** `GET /stats?scope=all` */
export function installationOf({ snapshots, silent }: Survey): InstallationStats {
  return {
    backends: snapshots.map(({ stats }) => stats),
    total: totalOf(snapshots),
    ...(silent.length > 0 && { silent: [...silent] }),
  };
}

/** Sums; of what cannot be added, the worst or the first, and percentiles over all messages. */
function totalOf(snapshots: readonly Snapshot[]): TotalStats {
  const all = snapshots.map(({ stats }) => stats);
  const sum = (of: (stats: BackendStats) => number): number => total(all.map(of));
  const most = (of: (stats: BackendStats) => number): number => Math.max(0, ...all.map(of));
  return {
    block: { input: sum(({ block }) => block.input), output: sum(({ block }) => block.output) },
    clients: {
      open: sum(({ clients }) => clients.open),
      max: sum(({ clients }) => clients.max),
      made_room: sum(({ clients }) => clients.made_room),
      turned_away: sum(({ clients }) => clients.turned_away),
    },
    connections: connectionsOf(snapshots),
    context_switches: sum((stats) => stats.context_switches),
    cpu_time: { system: sum(({ cpu_time }) => cpu_time.system), user: sum(({ cpu_time }) => cpu_time.user) },
    descriptors_exhausted: sum((stats) => stats.descriptors_exhausted),
    event_loop_delay: {
      p50: most((stats) => stats.event_loop_delay.p50),
      p99: most((stats) => stats.event_loop_delay.p99),
      max: most((stats) => stats.event_loop_delay.max),
    },
    forgotten: { names: sum(({ forgotten }) => forgotten.names), ...totalsOf(all.map(({ forgotten }) => forgotten)) },
    held: { messages: sum(({ held }) => held.messages), bytes: sum(({ held }) => held.bytes) },
    host: all[0]?.host ?? '',
    latency: summarize(mergeLatencies(snapshots.flatMap(({ recent }) => Object.values(recent)))),
    logins_refused: sum((stats) => stats.logins_refused),
    memory_usage: sum((stats) => stats.memory_usage),
    page_faults: {
      major: sum(({ page_faults }) => page_faults.major),
      minor: sum(({ page_faults }) => page_faults.minor),
    },
    page_size: most((stats) => stats.page_size),
    requests: sumByKey(all.map(({ requests }) => requests)),
    resident_memory: sum((stats) => stats.resident_memory),
    signals_received: sum((stats) => stats.signals_received),
    state: worstOf(all.map(({ state }) => state)),
    swap_outs: sum((stats) => stats.swap_outs),
    timestamp: most((stats) => stats.timestamp),
    uptime: most((stats) => stats.uptime),
    version: all[0]?.version ?? '',
  };
}

function connectionsOf(snapshots: readonly Snapshot[]): Record<string, ConnectionStats> {
  const keys = new Set(snapshots.flatMap(({ stats }) => Object.keys(stats.connections)));
  return Object.fromEntries([...keys].map((key) => [key, connectionOf(snapshots, key)]));
}

function connectionOf(snapshots: readonly Snapshot[], key: string): ConnectionStats {
  const all = snapshots.flatMap(({ stats }) => stats.connections[key] ?? []);
  return {
    connected: all.some(({ connected }) => connected),
    queue_size: total(all.map(({ queue_size }) => queue_size)),
    in_flight: total(all.map(({ in_flight }) => in_flight)),
    blocked: all.some(({ blocked }) => blocked),
    ...totalsOf(all),
    latency: summarize(mergeLatencies(snapshots.flatMap(({ recent }) => recent[key] ?? []))),
  };
}

function totalsOf(all: readonly ConnectionTotals[]): ConnectionTotals {
  const sum = (of: (totals: ConnectionTotals) => number): number => total(all.map(of));
  return {
    connections: {
      opened: sum(({ connections }) => connections.opened),
      closed: sum(({ connections }) => connections.closed),
    },
    channels: { opened: sum(({ channels }) => channels.opened), closed: sum(({ channels }) => channels.closed) },
    publishes: sum(({ publishes }) => publishes),
    refused: sum(({ refused }) => refused),
    unroutable: sum(({ unroutable }) => unroutable),
    nacked: sum(({ nacked }) => nacked),
    republished: sum(({ republished }) => republished),
    abandoned: sum(({ abandoned }) => abandoned),
  };
}

/** Of an installation whose backends differ, the one that hurts is shown. */
function worstOf(states: readonly BackendStats['state'][]): BackendStats['state'] {
  const [worst] = states.toSorted(
    (a, b) => Number(a.ready) - Number(b.ready) || (b.blocked_for ?? -1) - (a.blocked_for ?? -1),
  );
  return (
    worst ?? {
      ready: false,
      draining: false,
      broker: 'unreachable',
      blocked: null,
      blocked_for: null,
      unreachable: [],
      reason: '',
    }
  );
}

function sumByKey(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const record of records) for (const [key, value] of Object.entries(record)) sums[key] = (sums[key] ?? 0) + value;
  return sums;
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

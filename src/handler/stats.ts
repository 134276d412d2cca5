import * as v from 'valibot';
import { readinessDocument } from './readiness.ts';

/** Every `/stats` answer, and every figure that `/metrics` and the dashboard show, has these shapes. */

const number = v.pipe(v.number(), v.minValue(0));
const count = v.pipe(number, v.integer());
const described = <Schema extends v.GenericSchema>(schema: Schema, text: string) => v.pipe(schema, v.description(text));

const latency = described(
  v.object({ p50: number, p95: number, p99: number, max: number }),
  'Seconds from a message’s arrival to its confirm, over the last one to two minutes',
);

/** What only grows. */
const totals = {
  connections: v.object({ opened: count, closed: count }),
  channels: v.object({ opened: count, closed: count }),
  publishes: described(count, 'Messages confirmed'),
  refused: described(count, 'Messages that the broker refused'),
  unroutable: described(count, 'Messages that no queue took and that asked to be told'),
  nacked: count,
  republished: described(count, 'Attempts after a message’s first'),
  abandoned: described(count, 'Messages given up on after a 202'),
};

const connectionTotals = v.object(totals);

export type ConnectionTotals = v.InferOutput<typeof connectionTotals>;

/** One entry of `connections`. Names and nesting are those of 2013; what comes after `queue_size` is newer. */
export const connectionStats = v.object({
  connected: v.boolean(),
  connections: totals.connections,
  channels: totals.channels,
  publishes: totals.publishes,
  queue_size: described(count, 'Messages held: they wait for a connection, or for a place on it'),
  in_flight: described(count, 'Messages written and not confirmed yet'),
  blocked: v.boolean(),
  refused: totals.refused,
  unroutable: totals.unroutable,
  nacked: totals.nacked,
  republished: totals.republished,
  abandoned: totals.abandoned,
  latency,
});

/** Entries of `connections` that were dropped, added up. */
const forgottenStats = v.object({ names: described(count, 'Entries that were dropped'), ...totals });

export type ForgottenStats = v.InferOutput<typeof forgottenStats>;

export type ConnectionStats = v.InferOutput<typeof connectionStats>;

/** A vhost and a user as `connections` names them: `vhost:user`, where a colon inside a name is `%3A`. */
export const connectionKey = (vhost: string, user: string): string =>
  [vhost, user].map((name) => name.replaceAll(':', '%3A')).join(':');

export function namesIn(key: string): { readonly vhost: string; readonly user: string } {
  const [vhost = '', user = ''] = key.split(':').map((name) => name.replaceAll('%3A', ':'));
  return { vhost, user };
}

/** What it is like to publish through a backend now: `/readyz`, and for how long the broker has been blocking. */
const state = v.object({ ...readinessDocument.entries, blocked_for: described(v.nullable(number), 'Seconds') });

/** What can be told of one backend and of all of them together. */
const shared = {
  block: v.object({ input: count, output: count }),
  clients: described(
    v.object({
      open: described(count, 'Connections of clients'),
      max: described(count, 'HTTPServer.max_connections, or fewer where descriptors are'),
      made_room: described(count, 'Idle ones that were closed for new ones'),
      turned_away: described(count, 'New ones for which there was no room'),
    }),
    'Connections of HTTP clients',
  ),
  connections: described(
    v.record(v.string(), connectionStats),
    'By vhost:user, where a colon inside a name is %3A; all connections of one user on one vhost together',
  ),
  context_switches: count,
  cpu_time: described(v.object({ system: number, user: number }), 'Seconds'),
  descriptors_exhausted: described(count, 'How often it was found that no file or socket can be opened'),
  event_loop_delay: described(
    v.object({ p50: number, p99: number, max: number }),
    'Seconds by which the event loop was late, over the last five seconds',
  ),
  forgotten: described(
    forgottenStats,
    'Totals of entries that are in connections no more, since their last connection ended long ago',
  ),
  held: described(
    v.object({ messages: count, bytes: count }),
    'Messages that wait, and the memory that all requests take, in bytes',
  ),
  host: v.string(),
  latency,
  logins_refused: described(count, 'Logins that the broker refused'),
  memory_usage: described(count, 'KiB, the most there was (ru_maxrss)'),
  page_faults: v.object({ major: count, minor: count }),
  page_size: count,
  requests: described(
    v.record(v.string(), number),
    'Answers by method (method.POST) and status (response.204), and the seconds spent on them (processing_time)',
  ),
  resident_memory: described(count, 'KiB now'),
  signals_received: count,
  state,
  swap_outs: count,
  timestamp: described(count, 'Seconds since the epoch'),
  uptime: described(number, 'Seconds'),
  version: v.string(),
};

export const backendStats = v.object({
  ...shared,
  pid: count,
  port: described(v.union([count, v.string()]), 'The port it listens on, or the path of its Unix socket'),
  worker: described(count, 'From 0, where a port has several'),
});

export type BackendStats = v.InferOutput<typeof backendStats>;

export const totalStats = v.object(shared);

export type TotalStats = v.InferOutput<typeof totalStats>;

export const installationStats = v.object({
  backends: v.array(backendStats),
  total: described(totalStats, 'Their sums; of what cannot be added, the worst, and percentiles over all messages'),
  silent: v.optional(
    described(v.array(v.object({ port: v.union([count, v.string()]), worker: count })), 'Backends that did not answer'),
  ),
});

export type InstallationStats = v.InferOutput<typeof installationStats>;

/** This backend, or all of the installation. */
export type Scope = 'backend' | 'all';

export interface StatsSource {
  backend(): BackendStats;
  installation(): Promise<InstallationStats>;
  /** In Prometheus' text format. */
  metrics(scope: Scope): Promise<{ readonly contentType: string; readonly text: string }>;
}

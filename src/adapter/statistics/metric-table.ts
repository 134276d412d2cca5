import { type ConnectionStats, type ConnectionTotals, namesIn } from '../../handler/stats.ts';
import { cumulativeOctaves } from '../amqp/latency.ts';
import type { Snapshot } from './snapshot.ts';

export interface MetricValue {
  /** Where it is not the metric's own, as a histogram's are not. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Named and labelled by Prometheus' conventions. @see https://prometheus.io/docs/practices/naming/ */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: (snapshot: Snapshot) => readonly MetricValue[];
}

type Stats = Snapshot['stats'];

const one = (value: number): MetricValue[] => [{ labels: {}, value }];

const ofBackend = (type: 'counter' | 'gauge', name: string, help: string, value: (stats: Stats) => number): Metric => ({
  name: `statelessd_${name}`,
  help,
  type,
  values: ({ stats }) => one(value(stats)),
});

/** Labelled by vhost and user. */
const ofConnections = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (stats: ConnectionStats) => number,
): Metric => ({
  name: `statelessd_${name}`,
  help,
  type,
  values: ({ stats }) =>
    Object.entries(stats.connections).map(([key, connection]) => ({ labels: namesIn(key), value: value(connection) })),
});

interface ConnectionCounter {
  readonly name: string;
  readonly help: string;
  readonly value: (totals: ConnectionTotals) => number;
}

const connectionCounters: readonly ConnectionCounter[] = [
  { name: 'messages_confirmed_total', help: 'Messages that the broker has confirmed.', value: (c) => c.publishes },
  { name: 'messages_refused_total', help: 'Messages that the broker refused.', value: (c) => c.refused },
  { name: 'messages_unroutable_total', help: 'Messages that no queue took.', value: (c) => c.unroutable },
  { name: 'messages_nacked_total', help: 'Messages that a queue rejected (basic.nack).', value: (c) => c.nacked },
  { name: 'messages_republished_total', help: 'Attempts after the first of a message.', value: (c) => c.republished },
  { name: 'messages_abandoned_total', help: 'Messages given up on after a 202.', value: (c) => c.abandoned },
  {
    name: 'connections_opened_total',
    help: 'Connections to the broker that were opened.',
    value: ({ connections }) => connections.opened,
  },
  {
    name: 'connections_closed_total',
    help: 'Connections to the broker that ended.',
    value: ({ connections }) => connections.closed,
  },
  { name: 'channels_opened_total', help: 'Channels that were opened.', value: ({ channels }) => channels.opened },
  { name: 'channels_closed_total', help: 'Channels that ended.', value: ({ channels }) => channels.closed },
];

/**
 * The series of a name that is forgotten end. Their last values are no part of another series of the same metric: it
 * would grow by all that the name ever did, at once, and `rate` would take it for traffic.
 */
const forgotten: readonly Metric[] = [
  {
    name: 'statelessd_forgotten_total',
    help: 'Last values of the series of names that are forgotten, added up, by the counter.',
    type: 'counter',
    values: ({ stats }) =>
      connectionCounters.map(({ name, value }) => ({
        labels: { counter: `statelessd_${name}` },
        value: value(stats.forgotten),
      })),
  },
  ofBackend(
    'counter',
    'names_forgotten_total',
    'Vhosts and users without a connection for so long that they have no series any more.',
    (stats) => stats.forgotten.names,
  ),
];

const DURATION = 'statelessd_publish_duration_seconds';

export const metricTable: readonly Metric[] = [
  {
    name: 'statelessd_requests_total',
    help: 'Answers by method and status. 499 stands for clients that went away.',
    type: 'counter',
    values: ({ answers }) => answers.map(({ method, status, count }) => ({ labels: { method, status }, value: count })),
  },
  ofBackend(
    'counter',
    'request_processing_seconds_total',
    'Time from the arrival of requests to their answers, added up.',
    ({ requests }) => requests.processing_time ?? 0,
  ),
  {
    name: DURATION,
    help: 'Time from the arrival of messages to their confirms.',
    type: 'histogram',
    values: ({ lifetime }) => {
      const count = lifetime.counts.reduce((sum, each) => sum + each, 0);
      return [
        ...cumulativeOctaves(lifetime).map((octave) => ({
          metricName: `${DURATION}_bucket`,
          labels: { le: octave.seconds },
          value: octave.count,
        })),
        { metricName: `${DURATION}_bucket`, labels: { le: '+Inf' }, value: count },
        { metricName: `${DURATION}_sum`, labels: {}, value: lifetime.sumMs / 1000 },
        { metricName: `${DURATION}_count`, labels: {}, value: count },
      ];
    },
  },
  ...connectionCounters.map(({ name, help, value }) => ofConnections('counter', name, help, value)),
  ...forgotten,
  ofConnections('gauge', 'messages_in_flight', 'Messages written and not confirmed yet.', (c) => c.in_flight),
  ofConnections('gauge', 'messages_held', 'Messages that wait for a connection or a place on it.', (c) => c.queue_size),
  ofBackend(
    'gauge',
    'held_bytes',
    'Memory that requests take, as far as max_held_bytes bounds it.',
    ({ held }) => held.bytes,
  ),
  ofConnections('gauge', 'connected', 'Whether a connection to the broker is open.', (c) => Number(c.connected)),
  ofConnections('gauge', 'blocked', 'Whether the broker takes no messages.', (c) => Number(c.blocked)),
  ofBackend('gauge', 'client_connections', 'Connections of HTTP clients.', ({ clients }) => clients.open),
  ofBackend('gauge', 'client_connections_max', 'As many as there may be.', ({ clients }) => clients.max),
  ofBackend(
    'counter',
    'client_connections_made_room_total',
    'Idle connections of clients that were closed for new ones.',
    ({ clients }) => clients.made_room,
  ),
  ofBackend(
    'counter',
    'client_connections_turned_away_total',
    'Connections of clients for which there was no room.',
    ({ clients }) => clients.turned_away,
  ),
  ofBackend(
    'counter',
    'descriptors_exhausted_total',
    'How often it was found that no file or socket can be opened.',
    (stats) => stats.descriptors_exhausted,
  ),
  ofBackend('counter', 'logins_refused_total', 'Logins that the broker refused.', (stats) => stats.logins_refused),
  ofBackend('gauge', 'ready', 'Whether requests should be sent here, as /readyz says.', ({ state }) =>
    Number(state.ready),
  ),
  ofBackend(
    'gauge',
    'broker_reachable',
    'Whether a connection to the broker is open or could be opened.',
    ({ state }) => Number(state.broker !== 'unreachable'),
  ),
  {
    name: 'statelessd_cpu_seconds_total',
    help: 'CPU time of the process.',
    type: 'counter',
    values: ({ stats: { cpu_time } }) => [
      { labels: { mode: 'system' }, value: cpu_time.system },
      { labels: { mode: 'user' }, value: cpu_time.user },
    ],
  },
  ofBackend('gauge', 'resident_memory_bytes', 'Memory of the process now.', (stats) => stats.resident_memory * 1024),
  ofBackend('gauge', 'resident_memory_peak_bytes', 'The most there was.', (stats) => stats.memory_usage * 1024),
  ofBackend(
    'gauge',
    'event_loop_delay_p99_seconds',
    'By how much the event loop was late, 99th percentile of five seconds.',
    (stats) => stats.event_loop_delay.p99,
  ),
  ofBackend(
    'gauge',
    'event_loop_delay_max_seconds',
    'By how much the event loop was late, at most in five seconds.',
    (stats) => stats.event_loop_delay.max,
  ),
  ofBackend('gauge', 'uptime_seconds', 'Age of the process.', ({ uptime }) => uptime),
  {
    name: 'statelessd_build_info',
    help: 'Always 1; the version is its label.',
    type: 'gauge',
    values: ({ stats: { version } }) => [{ labels: { version }, value: 1 }],
  },
];

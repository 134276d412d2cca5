import type { BackendStats } from '../../handler/stats.ts';
import type { Latencies } from '../amqp/latency.ts';
import type { AnswerCount } from '../process/process-stats.ts';

/** The state of one backend: what /stats says of it, and what sums and /metrics need besides. */
export interface Snapshot {
  readonly stats: BackendStats;
  readonly answers: readonly AnswerCount[];
  /** Of the last minutes, by the keys of `stats.connections`; of those with a connection. */
  readonly recent: Readonly<Record<string, Latencies>>;
  /** Of all messages that the backend has published. */
  readonly lifetime: Latencies;
}

/** All backends of an installation, and those that did not answer in time. */
export interface Survey {
  readonly snapshots: readonly Snapshot[];
  readonly silent: readonly { readonly port: number | string; readonly worker: number }[];
}

import * as v from 'valibot';
import { backendStats } from '../../handler/stats.ts';
import { type Latencies, noLatencies } from '../amqp/latency.ts';
import type { AnswerCount } from '../process/process-stats.ts';
import type { Snapshot, Survey } from './snapshot.ts';

/** What another process says to be a snapshot. Its figures are added up, so each must be one. */

const figure = v.pipe(v.number(), v.minValue(0));

const buckets = noLatencies().counts.length;

const latencies: v.GenericSchema<unknown, Latencies> = v.object({
  counts: v.pipe(v.instance(Float64Array), v.length(buckets)),
  sumMs: figure,
  maxMs: figure,
});

const answerCount: v.GenericSchema<unknown, AnswerCount> = v.object({
  method: v.string(),
  status: figure,
  count: figure,
});

export const snapshotSchema: v.GenericSchema<unknown, Snapshot> = v.object({
  stats: backendStats,
  answers: v.array(answerCount),
  recent: v.record(v.string(), latencies),
  lifetime: latencies,
});

export const surveySchema: v.GenericSchema<unknown, Survey> = v.object({
  snapshots: v.array(snapshotSchema),
  silent: v.array(v.object({ port: v.union([v.number(), v.string()]), worker: v.number() })),
});

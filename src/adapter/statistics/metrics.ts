import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type Metric, type MetricValue, metricTable } from './metric-table.ts';
import type { Snapshot } from './snapshot.ts';

export interface Metrics {
  readonly contentType: string;
  readonly text: string;
}

/** The figures of one backend. */
export const metricsOfBackend = (snapshot: Snapshot): Promise<Metrics> => metricsOf(({ values }) => values(snapshot));

/** Those of all backends, each under its port and worker, and not added up: that is Prometheus' own business. */
export const metricsOfAll = (snapshots: readonly Snapshot[]): Promise<Metrics> =>
  metricsOf(({ values }) =>
    snapshots.flatMap((snapshot) => {
      const { port, worker } = snapshot.stats;
      return values(snapshot).map((value) => ({ ...value, labels: { ...value.labels, port, worker } }));
    }),
  );

async function metricsOf(valuesOf: (metric: Metric) => readonly MetricValue[]): Promise<Metrics> {
  const registry = new Registry();
  for (const metric of metricTable) registry.registerMetric(new CountedMetric(metric, valuesOf(metric)));
  return { contentType: registry.contentType, text: await registry.metrics() };
}

const CLASSES = { counter: Counter, gauge: Gauge, histogram: Histogram };

/**
 * What was counted elsewhere. The library's own metrics tell sets of labels apart by joining them to a text, where a
 * user named `a,vhost:b` could be taken for another.
 */
class CountedMetric extends Gauge {
  readonly #metric: Metric;
  readonly #values: readonly MetricValue[];

  constructor(metric: Metric, values: readonly MetricValue[]) {
    super({ name: metric.name, help: metric.help, registers: [] });
    this.#metric = metric;
    this.#values = values;
  }

  override async get() {
    const { name, help, type } = this.#metric;
    const described = await new CLASSES[type]({ name, help, registers: [] }).get();
    return { ...described, values: [...this.#values] };
  }
}

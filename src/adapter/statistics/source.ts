import type { StatsSource } from '../../handler/stats.ts';
import type { Snapshot, Survey } from './snapshot.ts';
import { installationOf } from './total.ts';

/** What the handler may ask. Without a `survey` of all backends, this one is all there is. */
export function statsSource(
  snapshot: () => Snapshot,
  surveyAll: (own: Snapshot) => Promise<Survey> = async (own) => ({ snapshots: [own], silent: [] }),
): StatsSource {
  const survey = () => surveyAll(snapshot());
  return {
    backend: () => snapshot().stats,
    installation: async () => installationOf(await survey()),
    metrics: async (scope) => {
      // Loaded when it is first asked for: many installations have no Prometheus, and all want to start fast.
      const { metricsOfAll, metricsOfBackend } = await import('./metrics.ts');
      return scope === 'all' ? metricsOfAll((await survey()).snapshots) : metricsOfBackend(snapshot());
    },
  };
}

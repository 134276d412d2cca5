import type { LogFields } from '../../handler/log.ts';
import type { Survey } from '../statistics/snapshot.ts';

/** How an installation fares: sums over its backends, for one line of the log. */
export function stateOf({ snapshots, silent }: Survey): LogFields {
  const all = snapshots.map(({ stats }) => stats);
  const connections = all.flatMap((stats) => Object.values(stats.connections));
  return {
    backends: all.length,
    // They did not answer.
    silent: silent.length,
    ready: all.filter(({ state }) => state.ready).length,
    blocked: all.some(({ state }) => state.blocked !== null),
    connected: connections.filter(({ connected }) => connected).length,
    published: sum([...connections, ...all.map(({ forgotten }) => forgotten)].map(({ publishes }) => publishes)),
    in_flight: sum(connections.map(({ in_flight }) => in_flight)),
    held: sum(all.map(({ held }) => held.messages)),
    held_bytes: sum(all.map(({ held }) => held.bytes)),
    resident_memory: sum(all.map(({ resident_memory }) => resident_memory)),
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

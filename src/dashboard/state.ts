import type { InstallationStats, TotalStats } from '../handler/stats.ts';
import { ALL, type Figures, TROUBLE_NAMES, TROUBLES, type View } from './figures.ts';
import { count, rate, seconds } from './words.ts';

export interface State {
  readonly level: 'good' | 'warn' | 'bad';
  readonly word: string;
  readonly sentence: string;
}

/** How it is, in words: the worst thing first. */
export function stateOf(stats: TotalStats, latest: Figures | undefined): State {
  const { state } = stats;
  if (state.blocked !== null) {
    const since = seconds(state.blocked_for ?? 0);
    return bad('Blocked', `RabbitMQ takes no messages: ${alarmOf(state.blocked)} since ${since}.`);
  }
  if (state.broker === 'unreachable') {
    const causes = state.unreachable.map(({ host, port, cause }) => ` ${host}:${port}: ${cause}.`).join('');
    return bad(
      'Broker gone',
      `No connection to RabbitMQ can be opened.${causes} Messages are refused until it is back.`,
    );
  }
  if (state.draining) return warn('Stopping', 'What is in flight is finished, and nothing new accepted.');
  if (Object.values(stats.connections).some(({ connected, queue_size }) => !connected && queue_size > 0))
    return warn('Reconnecting', 'The connection to RabbitMQ was lost; messages are held until it is there again.');
  if (latest && latest.published > 0)
    return good('Healthy', `${rate(latest.published)} messages a second, each confirmed by RabbitMQ.`);
  if (state.broker === 'connected') return good('Idle', 'Connected to RabbitMQ; nothing to publish at the moment.');
  return good('Ready', 'RabbitMQ can be reached. The first message will open a connection.');
}

const good = (word: string, sentence: string): State => ({ level: 'good', word, sentence });
const warn = (word: string, sentence: string): State => ({ level: 'warn', word, sentence });
const bad = (word: string, sentence: string): State => ({ level: 'bad', word, sentence });

/** RabbitMQ names what it is low on. */
function alarmOf(reason: string): string {
  if (/memory/i.test(reason)) return 'memory alarm';
  return /disk/i.test(reason) ? 'disk alarm' : reason;
}

const RECENT_SECONDS = 60;

/** Where it hurts: what the state alone does not tell. */
export function notesOn(view: View, stats: InstallationStats, figures: readonly Figures[]): string[] {
  const silent = view === ALL ? (stats.silent ?? []) : [];
  const since = (figures.at(-1)?.at ?? 0) - RECENT_SECONDS;
  const recent = figures.filter(({ at }) => at > since);
  const troubles = TROUBLE_NAMES.flatMap((trouble) => {
    const total = recent.reduce((sum, each) => sum + each.troubles[trouble], 0);
    return total > 0 ? `${TROUBLES[trouble]}: ${count(total)}` : [];
  });
  return [
    ...silent.map(({ port, worker }) => `Backend ${port}, worker ${worker}, does not answer.`),
    ...(troubles.length > 0 ? [`In the last minute: ${troubles.join(', ')}.`] : []),
  ];
}

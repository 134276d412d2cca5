/**
 * The accounts of a run: what each message's client was told, held against what the queues gave out.
 *
 * - *lost*: 204, and absent
 * - *false no*: refused with `published: no`, and present
 * - *misattributed*: an error whose cause was another request: an innocent's 4xx, or a poison's other than its own
 * - *unanswered*: no answer at all
 * - *duplicate*: present more than once
 */

/** What may become of a message. An innocent is to be confirmed; a poison has an error of its own. */
export interface Expectation {
  readonly name: string;
  /** The slugs of errors that are the message's own. None for an innocent. */
  readonly ownErrors: readonly string[];
  readonly confirmable: boolean;
  /** It is published somewhere that the run does not read. */
  readonly unread?: boolean;
}

export const INNOCENT: Expectation = { name: 'innocent', ownErrors: [], confirmable: true };

/** One message, and what its client was told. */
export interface Entry {
  readonly id: string;
  readonly expectation: Expectation;
  /** 0: no answer. */
  status: number;
  slug: string;
  published: string;
  milliseconds: number;
  /** When the answer came, by `performance.now()`. */
  answeredAtMs: number;
}

export interface Verdict {
  readonly messages: number;
  readonly confirmed: number;
  readonly refused: number;
  readonly unavailable: number;
  readonly lost: readonly string[];
  readonly falseNo: readonly string[];
  readonly misattributed: readonly string[];
  readonly unanswered: readonly string[];
  readonly duplicates: number;
  readonly longestMs: number;
  /** From the first 5xx to the last. */
  readonly outageMs: number;
}

/** @param found how often each id was in the queues */
export function judge(entries: readonly Entry[], found: ReadonlyMap<string, number>): Verdict {
  const read = entries.filter(({ expectation }) => !expectation.unread);
  const ids = (chosen: readonly Entry[]): string[] =>
    chosen.map((entry) => `${entry.id} ${entry.status} ${entry.slug}`);
  return {
    messages: entries.length,
    confirmed: entries.filter(({ status }) => status === 204).length,
    refused: entries.filter(({ status }) => status >= 400 && status < 500).length,
    unavailable: entries.filter(({ status }) => status >= 500).length,
    lost: ids(read.filter(({ id, status }) => status === 204 && !found.has(id))),
    falseNo: ids(read.filter(({ id, status, published }) => status !== 204 && published === 'no' && found.has(id))),
    misattributed: ids(entries.filter(isMisattributed)),
    unanswered: ids(entries.filter(({ status }) => status === 0)),
    duplicates: [...found.values()].reduce((sum, times) => sum + times - 1, 0),
    longestMs: entries.reduce((longest, { milliseconds }) => Math.max(longest, milliseconds), 0),
    outageMs: spanOf(entries.filter(({ status }) => status >= 500)),
  };
}

function spanOf(entries: readonly Entry[]): number {
  const [first] = entries;
  const last = entries.at(-1);
  return first && last ? last.answeredAtMs - first.answeredAtMs : 0;
}

function isMisattributed({ expectation, status, slug }: Entry): boolean {
  if (status === 204) return !expectation.confirmable;
  return status >= 400 && status < 500 && !expectation.ownErrors.includes(slug);
}

/** Nothing went wrong that must not, whatever went wrong besides. */
export function isClean({ lost, falseNo, misattributed, unanswered }: Verdict): boolean {
  return lost.length + falseNo.length + misattributed.length + unanswered.length === 0;
}

import type { Verdict } from './ledger.ts';
import type { Row, Survey } from './survey.ts';

const HEAD = `# Reliability

What was measured, by \`npm run chaos\`, which writes this page. Each row is one run: messages from 40 clients, of four
users to five exchanges, through one gateway to one broker (or a cluster of three nodes with quorum queues), before,
during and after a fault. Then the queues are read out, and every message is accounted for.

- **204**: confirmed to the client. **4xx**: refused, by the broker or the gateway. **5xx**: the broker was away, silent
  or blocked, or refused by nack; each says whether the message may have been published.
- **lost**: 204, and not in the queue. **false no**: refused with \`published: no\`, and in the queue.
- **misattributed**: an error whose cause was another request. **unanswered**: no answer at all.
- **duplicates**: messages that were published again because an attempt ended without a verdict, and had arrived.
  They are what at-least-once delivery costs.
- **longest answer**, and **outage**: from the first 5xx to the last.

## What nobody can promise

- A message whose connection dies before its confirm may have been published. The gateway publishes it again within its
  deadline, which may make a duplicate, or answers \`unknown\`; it never answers "no".
- A basic.nack does not say whether another queue has the message: it is answered 503 \`message-rejected\`, \`unknown\`.
- For a moment after the leader of a quorum queue has died, RabbitMQ 3.10 nacks what new channels publish to it, and
  goes on nacking on those channels for as long as the leader's node is away. The gateway replaces a channel that nacks;
  what was nacked meanwhile is an error to the client. RabbitMQ 4.0 holds the messages instead, and confirms them.
`;

const TABLE = `
| fault | what was done | messages | 204 | 4xx | 5xx | lost | false no | misattributed | unanswered | duplicates | longest answer | outage |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
`;

export const PAGE = new URL('../../docs/reliability.md', import.meta.url);

/** Sections that other commands than this page's own write. */
export const RUNS_IN_A_ROW = 'Runs in a row';
export const SOAK = 'Soak';

/** @param before the page as it was, of which the sections stay that are not of this run */
export function report(surveys: readonly Survey[], before: string): string {
  const page = HEAD + surveys.map(section).join('');
  return [RUNS_IN_A_ROW, SOAK].reduce((text, title) => withSection(text, title, sectionOf(before, title)), page);
}

/** The page with another text under a title; without the title, where there is none. */
export function withSection(page: string, title: string, text: string): string {
  const others = page.split(/^(?=## )/m).filter((part) => !part.startsWith(`## ${title}\n`));
  if (text !== '') others.push(`## ${title}\n\n${text}`);
  return others.map((part) => `${part.trimEnd()}\n`).join('\n');
}

function sectionOf(page: string, title: string): string {
  const part = page.split(/^(?=## )/m).find((each) => each.startsWith(`## ${title}\n`)) ?? '';
  return part.split('\n').slice(2).join('\n');
}

/** What came of several runs, in a sentence's middle. */
export function tally(verdicts: readonly Verdict[]): string {
  const sum = (count: (verdict: Verdict) => number): number =>
    verdicts.reduce((total, verdict) => total + count(verdict), 0);
  return (
    `${sum(({ messages }) => messages)} messages, ${sum(({ confirmed }) => confirmed)} confirmed, ` +
    `**${sum(({ lost }) => lost.length)} lost**, ${sum(({ falseNo }) => falseNo.length)} false no, ` +
    `${sum(({ misattributed }) => misattributed.length)} misattributed, ` +
    `${sum(({ unanswered }) => unanswered.length)} unanswered, ${sum(({ duplicates }) => duplicates)} duplicates`
  );
}

function section({ version, rows, notes }: Survey): string {
  const lines = rows.map(line).join('');
  return `\n## RabbitMQ ${version}\n${TABLE}${lines}${notes.map((note) => `\n${note}\n`).join('')}`;
}

function line({ fault, what, verdict }: Row): string {
  const counts = [
    verdict.messages,
    verdict.confirmed,
    verdict.refused,
    verdict.unavailable,
    verdict.lost.length,
    verdict.falseNo.length,
    verdict.misattributed.length,
    verdict.unanswered.length,
    verdict.duplicates,
  ];
  return `| ${fault} | ${what} | ${counts.join(' | ')} | ${seconds(verdict.longestMs)} | ${seconds(verdict.outageMs)} |\n`;
}

function seconds(milliseconds: number): string {
  return milliseconds === 0 ? '' : `${(milliseconds / 1000).toFixed(1)} s`;
}

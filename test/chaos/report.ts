import type { Verdict } from './ledger.ts';

/** A line of docs/reliability.md. */
export interface Row {
  readonly fault: string;
  readonly what: string;
  readonly verdict: Verdict;
}

const HEAD = `# Reliability

What was measured, by \`npm run chaos\`, which writes this page. Each row is one run: messages from 40 clients, of four
users to five exchanges, through one gateway to one broker, before, during and after a fault. Then the queues are read
out, and every message is accounted for.

- **204**: confirmed to the client. **4xx**: refused, by the broker or the gateway. **5xx**: the broker was away, silent
  or blocked; each says whether the message may have been published.
- **lost**: 204, and not in the queue. **false no**: refused with \`published: no\`, and in the queue.
- **misattributed**: an error whose cause was another request. **unanswered**: no answer at all.
- **duplicates**: messages that were published again because an attempt ended without a verdict, and had arrived.
  They are what at-least-once delivery costs.
- **longest answer**, and **outage**: from the first 5xx to the last.

| fault | what was done | messages | 204 | 4xx | 5xx | lost | false no | misattributed | unanswered | duplicates | longest answer | outage |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
`;

export function report(rows: readonly Row[], notes: readonly string[]): string {
  const lines = rows.map(({ fault, what, verdict }) => {
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
  });
  return HEAD + lines.join('') + notes.map((note) => `\n${note}\n`).join('');
}

function seconds(milliseconds: number): string {
  return milliseconds === 0 ? '' : `${(milliseconds / 1000).toFixed(1)} s`;
}

import { availableParallelism } from 'node:os';
import type { Beside } from './judge.ts';
import type { Row } from './run-attack.ts';
import { CLIENTS, INTERVAL_MS } from './support/bystanders.ts';

export const PAGE = new URL('../../docs/security.md', import.meta.url);

const BEGIN = '<!-- written by npm run attack: begin -->';
const END = '<!-- written by npm run attack: end -->';

/** The page with another table between the markers. */
export function withTable(page: string, rows: readonly Row[]): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error('the page has no place for the table');
  return `${before}${BEGIN}\n${tables(rows)}\n${END}${after}`;
}

function tables(rows: readonly Row[]): string {
  const kept = rows.filter((each) => brokenBy(each).length === 0).length;
  return [
    '',
    `Node ${process.versions.node}, ${availableParallelism()} cores. Of ${rows.length} attacks ${kept} broke no promise.`,
    '',
    '| attack | what was tried | what is promised | what came | kept |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(row),
    '',
    `Beside each attack on a gateway in 512 MiB: ${CLIENTS} honest clients (${(CLIENTS * 1000) / INTERVAL_MS} posts a second), and /healthz. ` +
      `The limit was kept by ${rows.find(({ beside }) => beside)?.beside?.limitedBy ?? 'nothing'}.`,
    '',
    '| attack | confirmed a second, before → during | unattacked | other answers, of all posts | lost | /healthz p50 | p99 | longest | unattacked p99 | peak memory | killed |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.flatMap(besideRow),
    '',
  ].join('\n');
}

function row(each: Row): string {
  const { attack, figures } = each;
  const broken = brokenBy(each);
  const verdict = broken.length === 0 ? 'yes' : `**no**: ${broken.join('; ')}`;
  return `| ${[attack.name, attack.tries, attack.promise, figures, verdict].map(cell).join(' | ')} |`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function besideRow({ attack, beside }: Row): string[] {
  if (!beside) return [];
  const { before, during, control, refused, posts, lost, p50, p99, max, controlP99, peakBytes, kills, replaced } =
    beside;
  const cells = [
    attack.name,
    `${before.toFixed(0)} → ${during.toFixed(0)}`,
    control.toFixed(0),
    `${refused.length} of ${posts}`,
    lost,
    ...[p50, p99, max, controlP99].map((ms) => `${ms.toFixed(0)} ms`),
    mebibytes(peakBytes),
    Math.max(kills, replaced),
  ];
  return [`| ${cells.join(' | ')} |`];
}

export const brokenBy = ({ broken, late }: Row): string[] => [...broken, ...late];

/** What came of one attack, for the terminal. */
export function lineOf(row: Row): string {
  const { attack, figures, beside } = row;
  const broken = brokenBy(row);
  const verdict = broken.length === 0 ? 'kept  ' : 'BROKEN';
  const lines = [`${verdict}  ${attack.name}: ${figures}`, ...(beside ? [`        ${sentence(beside)}`] : [])];
  return [...lines, ...broken.map((promise) => `        broken: ${promise}`)].join('\n');
}

function sentence(beside: Beside): string {
  const { before, during, control, refused, posts, lost, p50, p99, max, controlP99, peakBytes, kills, replaced } =
    beside;
  return (
    `honest ${before.toFixed(0)} → ${during.toFixed(0)} a second (unattacked ${control.toFixed(0)}), ${refused.length} of ${posts} not 204, ${lost} lost; ` +
    `/healthz p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(0)}, max ${max.toFixed(0)} ms (unattacked p99 ${controlP99.toFixed(0)} ms); ` +
    `peak ${mebibytes(peakBytes)}, ${kills} killed, ${replaced} replaced`
  );
}

const mebibytes = (bytes: number): string => (Number.isNaN(bytes) ? '' : `${(bytes / 2 ** 20).toFixed(0)} MiB`);

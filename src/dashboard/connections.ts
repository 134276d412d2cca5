import { type ConnectionStats, namesIn, type TotalStats } from '../handler/stats.ts';
import { byId, element } from './page.ts';
import { count, milliseconds, rate } from './words.ts';

/** A vhost and a user. */
interface Row extends ConnectionStats {
  readonly vhost: string;
  readonly user: string;
  /** Messages confirmed each second. */
  readonly rate: number;
}

interface Column {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** What rows are sorted by. */
  readonly value: (row: Row) => string | number;
  readonly level?: (row: Row) => 'warn' | 'bad' | undefined;
}

const number = (title: string, value: (row: Row) => number, words = count): Column => ({
  title,
  value,
  text: (row) => words(value(row)),
});
const trouble = (title: string, value: (row: Row) => number): Column => ({
  ...number(title, value),
  level: (row) => (value(row) > 0 ? 'warn' : undefined),
});

const stateOf = ({ blocked, connected }: Row): string => (blocked ? 'blocked' : connected ? 'connected' : 'closed');

const COLUMNS: readonly Column[] = [
  { title: 'Vhost', text: ({ vhost }) => vhost, value: ({ vhost }) => vhost },
  { title: 'User', text: ({ user }) => user, value: ({ user }) => user },
  { title: 'State', text: stateOf, value: stateOf, level: ({ blocked }) => (blocked ? 'bad' : undefined) },
  number('Channels', ({ channels }) => channels.opened - channels.closed),
  number('Per second', (row) => row.rate, rate),
  number('Confirmed', ({ publishes }) => publishes),
  number('In flight', (row) => row.in_flight),
  number('Held', (row) => row.queue_size),
  number('p99', ({ latency }) => latency.p99 * 1000, milliseconds),
  trouble('Refused', ({ refused }) => refused),
  trouble('Unroutable', ({ unroutable }) => unroutable),
  trouble('Rejected', ({ nacked }) => nacked),
  trouble('Republished', ({ republished }) => republished),
  trouble('Abandoned', ({ abandoned }) => abandoned),
];

/** The columns up to this one are words. */
const LAST_NAME = 2;

/** Rows shown at once; the search finds the others. */
const MAX_ROWS = 200;

/** A row for each vhost and user, to be searched and sorted. */
export class ConnectionsTable {
  readonly #table = byId('connections', HTMLTableElement);
  readonly #search = byId('search', HTMLInputElement);
  readonly #empty = byId('connections-empty', HTMLElement);
  readonly #nothing = this.#empty.textContent;
  readonly #headings: readonly HTMLElement[];
  #rows: readonly Row[] = [];
  #column = 4;
  #descending = true;

  constructor() {
    this.#headings = COLUMNS.map(({ title }, index) => {
      const button = element('button', { type: 'button' }, title);
      button.addEventListener('click', () => this.#sortBy(index));
      return element('th', { scope: 'col', class: index > LAST_NAME ? 'number' : '' }, button);
    });
    this.#table.tHead?.append(element('tr', {}, ...this.#headings));
    this.#search.addEventListener('input', () => this.#draw());
  }

  show(now: TotalStats, before: TotalStats | undefined, elapsed: number): void {
    this.#rows = Object.entries(now.connections).map(([key, connection]) => {
      const grown = connection.publishes - (before?.connections[key]?.publishes ?? connection.publishes);
      return { ...connection, ...namesIn(key), rate: elapsed > 0 ? Math.max(0, grown) / elapsed : 0 };
    });
    this.#draw();
  }

  #sortBy(column: number): void {
    const isNumber = column > LAST_NAME;
    this.#descending = column === this.#column ? !this.#descending : isNumber;
    this.#column = column;
    this.#draw();
  }

  #draw(): void {
    const sought = this.#search.value.toLowerCase();
    const found = this.#rows.filter(({ vhost, user }) => `${vhost}\n${user}`.toLowerCase().includes(sought));
    const { value } = COLUMNS[this.#column] ?? { value: () => 0 };
    const sign = this.#descending ? -1 : 1;
    const sorted = found.toSorted((a, b) => sign * compare(value(a), value(b)) || compare(nameOf(a), nameOf(b)));
    for (const [index, heading] of this.#headings.entries())
      if (index === this.#column) heading.setAttribute('aria-sort', this.#descending ? 'descending' : 'ascending');
      else heading.removeAttribute('aria-sort');
    this.#table.tBodies[0]?.replaceChildren(...sorted.slice(0, MAX_ROWS).map(rowOf));
    this.#table.hidden = found.length === 0;
    this.#empty.hidden = found.length > 0 && found.length <= MAX_ROWS;
    this.#empty.textContent = this.#remark(found.length);
  }

  #remark(found: number): string {
    if (this.#rows.length === 0) return this.#nothing;
    return found === 0
      ? 'No vhost or user has this in its name.'
      : `The first ${MAX_ROWS} of ${count(found)} are shown.`;
  }
}

const nameOf = ({ vhost, user }: Row): string => `${vhost}\n${user}`;

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}

function rowOf(row: Row): HTMLTableRowElement {
  const cells = COLUMNS.map(({ text, value, level }) => {
    const isNumber = typeof value(row) === 'number';
    const severity = level?.(row);
    return element(
      'td',
      {
        class: isNumber ? 'number' : 'name',
        title: isNumber ? '' : text(row),
        ...(severity && { 'data-level': severity }),
      },
      text(row),
    );
  });
  return element('tr', { 'data-vhost': row.vhost, 'data-user': row.user }, ...cells);
}

import { escaped, picture } from './svg.ts';

/** One bar: its name, and what it is long by. */
export interface Bar {
  readonly name: string;
  readonly value: number;
}

const WIDTH = 760;
const LABEL = 300;
const ROW = 26;

/** A bar chart. */
export function barChart(title: string, unit: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const rows = bars.map(({ name, value }, index) => {
    const y = 40 + index * ROW;
    const length = Math.max(1, ((WIDTH - LABEL - 110) * value) / most);
    return (
      `<text x="${LABEL - 8}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>` +
      `<rect x="${LABEL}" y="${y + 2}" width="${length.toFixed(1)}" height="${ROW - 8}" fill="#3a8f7b"/>` +
      `<text x="${(LABEL + length + 6).toFixed(1)}" y="${y + 15}">${shown(value)} ${escaped(unit)}</text>`
    );
  });
  const height = 50 + bars.length * ROW;
  return picture(title, WIDTH, height, 'font-family="system-ui, sans-serif" font-size="13"', rows);
}

const shown = (value: number): string => (value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en'));

/** One bar: its name, and what it is long by. */
export interface Bar {
  readonly name: string;
  readonly value: number;
}

const WIDTH = 760;
const LABEL = 300;
const ROW = 26;

/** A bar chart as SVG that can be read on light and on dark pages. */
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
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>${escaped(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#f6f7f6"/>
<g fill="#17201e">
<text x="12" y="24" font-size="15" font-weight="bold">${escaped(title)}</text>
${rows.join('\n')}
</g>
</svg>
`;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const shown = (value: number): string => (value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en'));

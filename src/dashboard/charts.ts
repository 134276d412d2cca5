import UPlot from 'uplot';
import type { Figures } from './figures.ts';
import { element, say } from './page.ts';
import { count, milliseconds, percent, rate } from './words.ts';

interface Line {
  readonly name: string;
  readonly value: (figures: Figures) => number;
}

interface Plot {
  readonly title: string;
  readonly words: (value: number) => string;
  readonly lines: readonly Line[];
}

const PLOTS: readonly Plot[] = [
  {
    title: 'Messages and answers a second',
    words: rate,
    lines: [
      { name: 'published', value: ({ published }) => published },
      { name: 'refused (4xx)', value: ({ refused }) => refused },
      { name: 'failed (5xx)', value: ({ failed }) => failed },
    ],
  },
  {
    title: 'Time to the confirm, over the last minutes',
    words: milliseconds,
    lines: [
      { name: 'p50', value: ({ p50 }) => p50 },
      { name: 'p95', value: ({ p95 }) => p95 },
      { name: 'p99', value: ({ p99 }) => p99 },
    ],
  },
  {
    title: 'Messages on their way',
    words: count,
    lines: [
      { name: 'in flight', value: ({ inFlight }) => inFlight },
      { name: 'held', value: ({ held }) => held },
    ],
  },
  {
    title: 'CPU',
    words: percent,
    lines: [{ name: 'of one processor', value: ({ cpu }) => cpu }],
  },
];

const HEIGHT = 180;

const timeOfDay = (seconds: number): string => new Date(seconds * 1000).toLocaleTimeString('en-GB');

/** Lines over five minutes. */
export class Charts {
  readonly #charts: readonly Chart[];

  constructor(where: HTMLElement) {
    this.#charts = PLOTS.map((plot) => new Chart(plot, where));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const chart of this.#charts) chart.redraw();
    });
  }

  show(figures: readonly Figures[]): void {
    for (const chart of this.#charts) chart.show(figures);
  }
}

class Chart {
  readonly #plot: Plot;
  readonly #figure: HTMLElement;
  readonly #values: readonly HTMLElement[];
  readonly #chart: UPlot;

  constructor(plot: Plot, where: HTMLElement) {
    this.#plot = plot;
    this.#values = plot.lines.map(() => element('span'));
    const swatches = plot.lines.map((_, index) => element('span', { class: `swatch s${index + 1}` }));
    const canvas = element('div', { role: 'img', 'aria-label': plot.title });
    this.#figure = element(
      'figure',
      {},
      element(
        'figcaption',
        {},
        element('strong', { class: 'title' }, plot.title),
        ...plot.lines.map(({ name }, index) =>
          element('span', {}, swatches[index] ?? '', `${name} `, this.#values[index] ?? ''),
        ),
      ),
      canvas,
    );
    where.append(this.#figure);
    // Colours are asked of the page each time, for the scheme may change.
    const inkOf = (name: 'color' | 'borderTopColor') => () => getComputedStyle(this.#figure)[name];
    const axis = { stroke: inkOf('color'), grid: { stroke: inkOf('borderTopColor'), width: 1 } };
    this.#chart = new UPlot(
      {
        width: canvas.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
        axes: [
          { ...axis, space: 80, values: (_, ticks) => ticks.map(timeOfDay) },
          { ...axis, size: 60 },
        ],
        series: [
          {},
          ...swatches.map((swatch) => ({ stroke: () => getComputedStyle(swatch).backgroundColor, width: 2 })),
        ],
      },
      [[], ...plot.lines.map(() => [])],
      canvas,
    );
    new ResizeObserver(() => this.#chart.setSize({ width: canvas.clientWidth, height: HEIGHT })).observe(canvas);
  }

  show(figures: readonly Figures[]): void {
    const { lines, words } = this.#plot;
    this.#chart.setData([figures.map(({ at }) => at), ...lines.map(({ value }) => figures.map(value))]);
    const latest = figures.at(-1);
    for (const [index, { value }] of lines.entries()) {
      const where = this.#values[index];
      if (where) say(where, latest ? words(value(latest)) : '–');
    }
  }

  redraw(): void {
    this.#chart.redraw();
  }
}

import type { Figures } from './figures.ts';
import { element, say } from './page.ts';
import { bytes, count, milliseconds, percent, rate } from './words.ts';

interface Tile {
  readonly id: string;
  readonly name: string;
  readonly value: (figures: Figures) => string;
}

const TILES: readonly Tile[] = [
  { id: 'published', name: 'Published a second', value: ({ published }) => rate(published) },
  { id: 'p50', name: 'Latency p50', value: ({ p50 }) => milliseconds(p50) },
  { id: 'p95', name: 'Latency p95', value: ({ p95 }) => milliseconds(p95) },
  { id: 'p99', name: 'Latency p99', value: ({ p99 }) => milliseconds(p99) },
  { id: 'in-flight', name: 'In flight', value: ({ inFlight }) => count(inFlight) },
  { id: 'held', name: 'Held messages', value: ({ held }) => count(held) },
  { id: 'held-bytes', name: 'Bodies in memory', value: ({ heldBytes }) => bytes(heldBytes) },
  { id: 'cpu', name: 'CPU', value: ({ cpu }) => percent(cpu) },
  { id: 'memory', name: 'Memory', value: ({ memoryBytes }) => bytes(memoryBytes) },
  { id: 'delay', name: 'Event-loop delay p99', value: ({ eventLoopDelay }) => milliseconds(eventLoopDelay) },
];

/** The figures of this moment, in large. */
export class Tiles {
  readonly #values = new Map<string, HTMLElement>();

  constructor(list: HTMLElement) {
    for (const { id, name } of TILES) {
      const value = element('dd', { id: `tile-${id}` }, '–');
      this.#values.set(id, value);
      list.append(element('div', {}, element('dt', {}, name), value));
    }
  }

  show(figures: Figures | undefined): void {
    for (const { id, value } of TILES) {
      const where = this.#values.get(id);
      if (where) say(where, figures ? value(figures) : '–');
    }
  }
}

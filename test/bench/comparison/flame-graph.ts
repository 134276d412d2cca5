import * as v from 'valibot';
import { escaped, picture } from './svg.ts';

/** A CPU profile as V8 writes it: the calls seen, as a tree, and which one each sample found at work. */
const PROFILE = v.object({
  nodes: v.array(
    v.object({
      id: v.number(),
      callFrame: v.object({ functionName: v.string(), url: v.string(), lineNumber: v.number() }),
      children: v.optional(v.array(v.number()), []),
    }),
  ),
  samples: v.array(v.number()),
  timeDeltas: v.array(v.number()),
});

/** A function, called from where it stands in the tree, and how much time was spent in it and in what it called. */
interface Frame {
  readonly name: string;
  readonly origin: Origin;
  micros: number;
  readonly calls: Map<string, Frame>;
}

const ORIGINS = {
  statelessd: '#6fbf8f',
  'Hono and its adapter': '#e0a458',
  'rabbitmq-client': '#7fa8d9',
  'Node.js': '#c9c4b8',
  garbage: '#d9796f',
  native: '#e2ddd2',
} as const;

type Origin = keyof typeof ORIGINS;

/** The tree of what ran between two moments, in microseconds from the end of the profile backwards. */
export function framesOf(profile: unknown, from: number, to: number): Frame {
  const { nodes, samples, timeDeltas } = v.parse(PROFILE, profile);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children }) => children.map((child) => [child, id] as const)));
  const root: Frame = { name: 'all', origin: 'native', micros: 0, calls: new Map() };
  let left = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  for (const [index, id] of samples.entries()) {
    const micros = timeDeltas[index] ?? 0;
    left -= micros;
    const path: number[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) path.unshift(at);
    const frames = path.slice(1).map((each) => byId.get(each)?.callFrame);
    if (left > from || left < to || frames[0]?.functionName === '(idle)') continue;
    let frame = root;
    frame.micros += micros;
    for (const call of frames) if (call) frame = called(frame, call, micros);
  }
  return root;
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

function called(caller: Frame, { functionName, url, lineNumber }: CallFrame, micros: number): Frame {
  const name = functionName || `anonymous, ${url.split('/').at(-1)}:${lineNumber + 1}`;
  const origin = originOf(url, functionName);
  const key = `${name} ${url}`;
  const frame = caller.calls.get(key) ?? { name, origin, micros: 0, calls: new Map<string, Frame>() };
  caller.calls.set(key, frame);
  frame.micros += micros;
  return frame;
}

function originOf(url: string, name: string): Origin {
  if (name === '(garbage collector)') return 'garbage';
  if (url.startsWith('node:')) return 'Node.js';
  if (url.includes('node_modules/rabbitmq-client')) return 'rabbitmq-client';
  if (url.includes('node_modules/')) return 'Hono and its adapter';
  return url === '' ? 'native' : 'statelessd';
}

/** Microseconds spent in the functions of each origin themselves, not in what they called. */
export function timeByOrigin(root: Frame): ReadonlyMap<Origin, number> {
  const times = new Map<Origin, number>();
  const visit = ({ origin, micros, calls }: Frame): void => {
    let own = micros;
    for (const call of calls.values()) {
      own -= call.micros;
      visit(call);
    }
    times.set(origin, (times.get(origin) ?? 0) + own);
  };
  visit(root);
  return times;
}

const WIDTH = 1_200;
const ROW = 17;
const TOP = 56;
const CHARACTER = 6.2;

/** What takes less is left out: it could not be seen. */
const THINNEST = 0.6;

/** Callers above, what they call below, each as wide as its time. */
export function flameGraph(title: string, root: Frame, messages: number): string {
  const scale = WIDTH / root.micros;
  const shapes: string[] = [];
  let deepest = 0;
  const draw = (frame: Frame, x: number, depth: number): void => {
    const width = frame.micros * scale;
    if (width < THINNEST) return;
    deepest = Math.max(deepest, depth);
    const y = TOP + depth * ROW;
    const label = frame.name.slice(0, Math.max(0, Math.floor((width - 6) / CHARACTER)));
    const tip = `${frame.name}: ${(frame.micros / messages).toFixed(1)} µs a message, ${((100 * frame.micros) / root.micros).toFixed(1)} %`;
    shapes.push(
      `<g><title>${escaped(tip)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.4, width - 0.4).toFixed(1)}" height="${ROW - 1}" fill="${ORIGINS[frame.origin]}"/>${
        label.length > 2 ? `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>` : ''
      }</g>`,
    );
    let at = x;
    for (const call of [...frame.calls.values()].toSorted((a, b) => b.micros - a.micros)) {
      draw(call, at, depth + 1);
      at += call.micros * scale;
    }
  };
  draw(root, 0, 0);
  const legend = Object.entries(ORIGINS).map(
    ([origin, colour], index) =>
      `<rect x="${12 + index * 170}" y="34" width="12" height="12" fill="${colour}"/><text x="${30 + index * 170}" y="44">${origin}</text>`,
  );
  const height = TOP + (deepest + 1) * ROW + 8;
  return picture(title, WIDTH, height, 'font-family="ui-monospace, monospace" font-size="10.5"', [
    ...legend,
    ...shapes,
  ]);
}

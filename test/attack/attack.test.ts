import { describe, expect, it } from 'vitest';
import { startBroker } from '../../wrangler-free-local/broker.ts';
import { attacks } from './attacks.ts';
import { figuresOf, judge } from './judge.ts';
import { runAttack } from './run-attack.ts';
import type { HonestPost, Seen } from './support/bystanders.ts';

describe('npm run attack', () => {
  // Of times and rates nothing is said here: other tests run beside this one.
  it('carries out attacks that must fail, beside clients who are all served', { timeout: 300_000 }, async () => {
    const broker = await startBroker({ name: 'attack', management: true });
    try {
      for (const name of ['requests behind a refusal', 'a foreign file at a socket’s path']) {
        const attack = attacks.find((each) => each.name === name);
        if (!attack) throw new Error(`there is no attack ${name}`);
        const { figures, broken, beside } = await runAttack(attack, broker, {
          seconds: 3,
          fuzzedConnections: 0,
        });
        expect({ name, broken }).toEqual({ name, broken: [] });
        expect(figures).not.toBe('');
        if (!attack.alone) expect(beside?.posts).toBeGreaterThan(0);
      }
    } finally {
      await broker.close();
    }
  });
});

const post = (n: number, more: Partial<HonestPost> = {}): HonestPost => ({
  of: n % 2 === 0 ? 'attacked' : 'control',
  id: String(n),
  at: 10 * n,
  milliseconds: 1,
  status: 204,
  error: '',
  ...more,
});
const posts = Array.from({ length: 400 }, (_, n) => post(n));
const probes: Seen['probes'] = posts.map(({ of, at }) => ({ of, at, milliseconds: 2 }));
const moments = { warm: 0, begin: 2_000, end: 4_000 };
const alive = { kills: 0, replaced: 0, ended: false, peakBytes: 1, limitedBy: 'nothing' };

function judged(seen: Partial<Seen> = {}, processes: Partial<typeof alive> = {}, missing = ''): string[] {
  const all = { posts, probes, ...seen };
  const found = new Map(all.posts.flatMap(({ id }) => (id === missing ? [] : [[id, 1] as const])));
  const { broken, late } = judge(figuresOf(all, found, moments, { ...alive, ...processes }));
  return [...broken, ...late];
}

describe('the bystanders of an attack', () => {
  it('find nothing broken where all are served in time', () => {
    expect(judged()).toEqual([]);
  });

  it('find a kill, a death and the end of the supervisor', () => {
    expect(judged({}, { kills: 1, replaced: 1, ended: true })).toEqual([
      'the supervisor lives',
      'no process is killed for want of memory',
      'no backend dies',
    ]);
  });

  it('find a message that was confirmed and is gone', () => {
    expect(judged({}, {}, '300')).toEqual(['what was answered 204 is in the queue (1 are not)']);
  });

  it('find a post that was refused or not answered', () => {
    const some = posts.map((each, n) =>
      n === 300 ? post(n, { status: 503, error: 'overloaded; published=no' }) : each,
    );
    expect(judged({ posts: some })).toEqual(['honest posts are all 204 (1 were not: 503 overloaded; published=no)']);
  });

  it('find a rate that falls, unless it falls for all', () => {
    const fewer = (of: string): HonestPost[] =>
      posts.filter((each, n) => n < 200 || n % 4 > 1 || (of !== 'all' && each.of !== of));
    expect(judged({ posts: fewer('attacked') })).toEqual(['honest clients keep 80 % of their rate']);
    expect(judged({ posts: fewer('all') })).toEqual([]);
  });

  it('find answers of /healthz that are late, unless they are late for all', () => {
    const late = (of: string): Seen['probes'] =>
      probes.map((each, n) => (n % 20 < 2 && (of === 'all' || each.of === of) ? { ...each, milliseconds: 900 } : each));
    expect(judged({ probes: late('attacked') })).toEqual(['/healthz answers within 100 ms (p99)']);
    expect(judged({ probes: late('all') })).toEqual([]);
  });
});

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TagMap } from '../../src/adapter/amqp/tag-map.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');

/** Without what nobody refers to any more. */
function heapBytes(): number {
  if (typeof collectGarbage === 'function') collectGarbage();
  return process.memoryUsage().heapUsed;
}

describe('a map for delivery tags', () => {
  test('holds what a Map holds, whatever is added, taken out and cleared', () => {
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.constant({ kind: 'set' as const }) },
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('delete' as const), back: fc.nat(40) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const), keep: fc.nat(3) }) },
      { weight: 2, arbitrary: fc.constant({ kind: 'oldest' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), fc.integer({ min: 1, max: 3_000 }), (operations, first) => {
        const model = new Map<number, string>();
        const tags = new TagMap<string>();
        let next = 1;
        const set = (): void => {
          model.set(next, `message ${next}`);
          tags.set(next, `message ${next}`);
          next += 1;
        };
        for (let n = 0; n < first; n += 1) set();
        for (const each of operations) {
          if (each.kind === 'set') set();
          if (each.kind === 'delete') expect(tags.delete(next - each.back)).toBe(model.delete(next - each.back));
          if (each.kind === 'drain')
            for (const tag of [...model.keys()].slice(each.keep)) expect(tags.delete(tag)).toBe(model.delete(tag));
          const [oldest] = model.keys();
          if (each.kind === 'oldest' && oldest !== undefined) {
            expect(tags.get(oldest)).toBe(model.get(oldest));
            expect(tags.delete(oldest)).toBe(model.delete(oldest));
          }
          if (each.kind === 'clear') {
            model.clear();
            tags.clear();
          }
          expect(tags.size).toBe(model.size);
          expect(tags.get(next - 1)).toBe(model.get(next - 1));
        }
        expect([...tags.entries()]).toEqual([...model.entries()]);
        expect([...tags.values()]).toEqual([...model.values()]);
      }),
    );
  });

  test('lets entries be deleted while they are gone through', () => {
    const tags = new TagMap<string>();
    for (let tag = 1; tag <= 3_000; tag += 1) tags.set(tag, `message ${tag}`);
    const seen: number[] = [];
    for (const [tag] of tags.entries()) {
      seen.push(tag);
      tags.delete(tag);
    }
    expect(seen).toEqual(Array.from({ length: 3_000 }, (_, index) => index + 1));
    expect(tags.size).toBe(0);
  });

  test('takes no room for what is gone, though one that came early stays', () => {
    const tags = new TagMap<string>().set(1, 'early');
    const before = heapBytes();
    for (let tag = 2; tag <= 2_000_000; tag += 1) {
      tags.set(tag, 'soon gone');
      tags.delete(tag);
    }
    expect(heapBytes() - before).toBeLessThan(4_000_000);
    expect([...tags.entries()]).toEqual([[1, 'early']]);
  });

  test('refuses a tag that is not the next one', () => {
    const tags = new TagMap<string>().set(7, 'seven');
    expect(() => tags.set(9, 'nine')).toThrow(RangeError);
  });
});

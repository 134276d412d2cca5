import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteFinder, findByte } from '../../../src/handler/message/byte-search.ts';

const sparse = fc
  .tuple(fc.nat({ max: 200 }), fc.array(fc.nat({ max: 200 })))
  .map(([length, places]) => Uint8Array.from({ length }, (_, i) => (places.includes(i) ? 7 : 0)));

describe('A search for a byte', () => {
  it('finds what indexOf finds, and the end where there is none', () => {
    fc.assert(
      fc.property(sparse, fc.nat({ max: 220 }), (bytes, start) => {
        const from = Math.min(start, bytes.length);
        const expected = bytes.indexOf(7, from);
        expect(findByte(bytes, 7, from)).toBe(expected < 0 ? bytes.length : expected);
      }),
    );
  });

  it('finds the same while it goes on from place to place', () => {
    fc.assert(
      fc.property(sparse, fc.array(fc.nat({ max: 220 })), (bytes, starts) => {
        const find = byteFinder(bytes, 7);
        for (const start of starts.map((at) => Math.min(at, bytes.length)).sort((a, b) => a - b)) {
          expect(find(start)).toBe(findByte(bytes, 7, start));
        }
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Publication } from './messages.ts';
import { isRecovered, mergePublications } from './position.ts';

const data = new Uint8Array(0);
const at = (...offsets: number[]): Publication[] => offsets.map((offset) => ({ data, offset }));
const range = (first: number, last: number): Publication[] =>
  at(...Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index));

describe('isRecovered', () => {
  test.each([
    ['nothing missed', { offset: 5, epoch: 'e' }, 5, [], true],
    ['all of it', { offset: 5, epoch: 'e' }, 7, [6, 7], true],
    ['a stream from its start', { epoch: 'e' }, 2, [1, 2], true],
    ['any epoch', { offset: 5, epoch: '' }, 6, [6], true],
    ['no epoch', { offset: 5 }, 6, [6], true],
    ['an empty stream', {}, 0, [], true],
    ['another epoch', { offset: 5, epoch: 'x' }, 5, [], false],
    ['history let go of all', { offset: 5, epoch: 'e' }, 7, [], false],
    ['history let go of the first', { offset: 5, epoch: 'e' }, 8, [7, 8], false],
    ['the last is missing', { offset: 5, epoch: 'e' }, 8, [6, 7], false],
    ['one between is missing', { offset: 5, epoch: 'e' }, 8, [6, 8], false],
    ['one twice', { offset: 5, epoch: 'e' }, 8, [6, 6, 8], false],
    ['a client ahead of the stream', { offset: 9, epoch: 'e' }, 5, [], false],
    ['a client ahead of the stream, which sends anyhow', { offset: 9, epoch: 'e' }, 5, [4, 5], false],
  ])('%s', (_, request, top, offsets, recovered) => {
    expect(isRecovered({ request, top: { offset: top, epoch: 'e' }, publications: at(...offsets) })).toBe(recovered);
  });
});

describe('mergePublications', () => {
  const merge = (recovered: Publication[], buffered: Publication[], after?: number) => {
    const { publications, ephemeral, ok } = mergePublications(recovered, buffered, after);
    return { offsets: publications.map((publication) => publication.offset), ephemeral, ok };
  };

  test('what came twice is there once, in order', () => {
    expect(merge(at(1, 2, 3), at(5, 3, 4, 4))).toEqual({ offsets: [1, 2, 3, 4, 5], ephemeral: [], ok: true });
    expect(merge([], [])).toEqual({ offsets: [], ephemeral: [], ok: true });
  });

  test('what the client has is left out', () => {
    expect(merge(at(4, 5), at(2, 3, 6), 3)).toEqual({ offsets: [4, 5, 6], ephemeral: [], ok: true });
    expect(merge([], at(2, 3), 3)).toEqual({ offsets: [], ephemeral: [], ok: true });
  });

  test('a gap is seen wherever it is', () => {
    expect(merge(at(1, 2), at(4)).ok).toBe(false);
    expect(merge(at(1, 3), []).ok).toBe(false);
    expect(merge([], at(7)).ok).toBe(true);
    expect(merge([], at(7), 5).ok).toBe(false);
    expect(merge([], at(7), 6).ok).toBe(true);
    expect(merge(at(1), [], 0).ok).toBe(true);
    expect(merge(at(2), [], 0).ok).toBe(false);
  });

  test('publications without an offset are kept apart, in order', () => {
    const [a, b] = [
      { data, tags: { n: 'a' } },
      { data, tags: { n: 'b' } },
    ];
    expect(merge(at(1), [a, ...at(2), b])).toEqual({ offsets: [1, 2], ephemeral: [a, b], ok: true });
  });

  test('a stream split anyhow comes together; with a hole it does not', () => {
    const split = fc.record({
      after: fc.nat({ max: 20 }),
      count: fc.integer({ min: 3, max: 30 }),
      cut: fc.nat({ max: 40 }),
      overlap: fc.nat({ max: 5 }),
      hole: fc.option(fc.integer({ min: 1, max: 28 }), { nil: undefined }),
      seed: fc.infiniteStream(fc.nat()),
    });
    fc.assert(
      fc.property(split, ({ after, count, cut, overlap, hole, seed }) => {
        const all = range(after + 1, after + count).filter((_, index) => index !== hole || hole >= count - 1);
        const middle = cut % (all.length + 1);
        const buffered = all
          .slice(Math.max(0, middle - overlap))
          .map((publication) => ({ publication, order: seed.next().value as number }))
          .toSorted((a, b) => a.order - b.order)
          .map(({ publication }) => publication);
        const merged = mergePublications(all.slice(0, middle), buffered, after);
        expect(merged.publications).toEqual(all);
        expect(merged.ok).toBe(all.length === count);
      }),
    );
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message } from '../publications.ts';
import { emptyStretch, mergeMessages, newerOf, placeOf, prependPage, trimStretch, type Stretch } from './stretch.ts';

const message = (seq: number, rev = seq, extra: Partial<Message> = {}): Message => ({
  ...{ room: 'r', seq, id: `m${seq}`, sender: 'anna', kind: 'text', version: 1, createdAt: seq, rev },
  text: `${seq}@${rev}`,
  ...extra,
});

const seqs = ({ messages }: Stretch): number[] => messages.map(({ seq }) => seq);

test('in whatever order, twice or late: by seq, each as its highest revision says', () => {
  const heard = fc.array(fc.record({ seq: fc.integer({ min: 1, max: 12 }), rev: fc.integer({ min: 1, max: 30 }) }));
  fc.assert(
    fc.property(heard, fc.nat({ max: 5 }), (all, cut) => {
      const messages = all.map(({ seq, rev }) => message(seq, rev));
      const parts = [messages.slice(0, cut), messages.slice(cut), messages.slice(0, cut)];
      const merged = parts.reduce(mergeMessages, emptyStretch);
      const highest = new Map<number, number>();
      for (const { seq, rev } of all) highest.set(seq, Math.max(rev, highest.get(seq) ?? 0));
      expect(merged.messages.map(({ seq, rev }) => [seq, rev])).toEqual([...highest].toSorted(([a], [b]) => a - b));
      expect(mergeMessages(merged, messages)).toBe(merged);
    }),
  );
});

test('what lies outside of the stretch, behind messages that are not known, is left out', () => {
  const middle: Stretch = { messages: [message(5), message(7)], hasBefore: true, hasAfter: true };
  expect(mergeMessages(middle, [message(3), message(9)])).toBe(middle);
  expect(seqs(mergeMessages(middle, [message(6)]))).toEqual([5, 6, 7]);
  expect(seqs(mergeMessages({ ...middle, hasAfter: false }, [message(9), message(3)]))).toEqual([5, 7, 9]);
  expect(seqs(mergeMessages({ ...middle, hasBefore: false }, [message(9), message(3)]))).toEqual([3, 5, 7]);
});

test('a page joins without a hole, and says whether there is more', () => {
  const end: Stretch = { messages: [message(5), message(6)], hasBefore: true, hasAfter: false };
  const joined = prependPage(end, {
    messages: [message(2), message(4), message(5, 9)],
    hasBefore: true,
    hasAfter: true,
  });
  expect(seqs(joined)).toEqual([2, 4, 5, 6]);
  expect(joined).toMatchObject({ hasBefore: true, hasAfter: false });
  expect(joined.messages[2]?.rev).toBe(9);
  expect(trimStretch(joined, 2, 'start')).toMatchObject({ messages: [{ seq: 5 }, { seq: 6 }], hasBefore: true });
  expect(trimStretch(joined, 2, 'end')).toMatchObject({ messages: [{ seq: 2 }, { seq: 4 }], hasAfter: true });
  expect(trimStretch(joined, 4, 'end')).toBe(joined);
});

test('what others see of a message for its sender alone never replaces what its sender sees', () => {
  const own = message(3, 4);
  const hidden = message(3, 4, { kind: 'hidden', sender: '' });
  expect(newerOf(own, hidden)).toBe(own);
  expect(newerOf(hidden, own)).toBe(own);
  expect(newerOf(own, { ...hidden, rev: 9 })).toBe(own);
});

test('the place of a message is where it stands, or would stand', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 50 })), fc.integer({ min: 0, max: 51 }), (some, seq) => {
      const sorted = some.toSorted((a, b) => a - b);
      expect(
        placeOf(
          sorted.map((one) => message(one)),
          seq,
        ),
      ).toBe(sorted.filter((one) => one < seq).length);
    }),
  );
});

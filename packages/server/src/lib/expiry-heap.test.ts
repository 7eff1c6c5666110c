import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExpiryHeap, type Expiring } from './expiry-heap.ts';

interface Entry extends Expiring {
  readonly id: number;
}

const entry = (id: number): Entry => ({ id, heapDueMs: 0, heapIndex: -1 });

test('gives entries in order of their due time', () => {
  const heap = new ExpiryHeap<Entry>();
  const dueTimesMs = [5, 3, 9, 1, 1, 7];
  dueTimesMs.forEach((dueMs, id) => heap.set(entry(id), dueMs));
  const seen: number[] = [];
  for (let first = heap.first; first; first = heap.first) {
    seen.push(first.heapDueMs);
    heap.delete(first);
  }
  expect(seen).toEqual([1, 1, 3, 5, 7, 9]);
  expect(heap.size).toBe(0);
});

test('agrees with a sorted list under any sequence of set and delete', () => {
  const operation = fc.record({ id: fc.nat(15), dueMs: fc.option(fc.nat(50), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const heap = new ExpiryHeap<Entry>();
      const entries = Array.from({ length: 16 }, (_, id) => entry(id));
      const model = new Map<number, number>();
      for (const { id, dueMs } of operations) {
        const subject = entries[id] as Entry;
        if (dueMs === undefined) {
          heap.delete(subject);
          model.delete(id);
        } else {
          heap.set(subject, dueMs);
          model.set(id, dueMs);
        }
        expect(heap.size).toBe(model.size);
        expect(heap.first?.heapDueMs).toBe(model.size === 0 ? undefined : Math.min(...model.values()));
        for (const each of entries) expect(each.heapIndex >= 0).toBe(model.has(each.id));
      }
    }),
  );
});

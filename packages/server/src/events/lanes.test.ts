import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock, settle } from '../lib/clock.ts';
import { Lanes } from './lanes.ts';

interface Item {
  readonly subject: string;
  readonly n: number;
  /** Attempts that fail before one works. */
  readonly fails: number;
}

function setup(items: readonly Item[], concurrency: number) {
  const clock = new FakeClock();
  const delivered: Item[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  const lanes = new Lanes<Item>({
    clock,
    concurrency,
    minBackoffMs: 100,
    maxBackoffMs: 1_000,
    next: (item) => items.find((other) => other.subject === item.subject && other.n > item.n),
    deliver: async (item, failures) => {
      mostUnderWay = Math.max(mostUnderWay, ++underWay);
      await Promise.resolve();
      underWay--;
      if (failures < item.fails) throw new Error('not yet');
      delivered.push(item);
    },
  });
  const open = (): void => {
    for (const item of items) if (!lanes.has(item.subject) && !delivered.includes(item)) lanes.open(item);
  };
  return { clock, delivered, lanes, open, mostUnderWay: () => mostUnderWay };
}

describe('Lanes', () => {
  test('everything arrives once, in order per subject, never more at once than allowed', async () => {
    const item = fc.record({ subject: fc.constantFrom('a', 'b', 'c', 'd'), fails: fc.integer({ min: 0, max: 3 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { maxLength: 20 }),
        fc.integer({ min: 1, max: 3 }),
        async (drafts, concurrency) => {
          const items = drafts.map((draft, n) => ({ ...draft, n }));
          const { clock, delivered, lanes, open, mostUnderWay } = setup(items, concurrency);
          open();
          await settle();
          await clock.advance(100_000);
          expect(delivered.toSorted((one, other) => one.n - other.n)).toEqual(items);
          for (const subject of ['a', 'b', 'c', 'd']) {
            const order = delivered.filter((one) => one.subject === subject).map((one) => one.n);
            expect(order).toEqual(order.toSorted((one, other) => one - other));
          }
          expect(mostUnderWay()).toBeLessThanOrEqual(concurrency);
          expect(lanes.size).toBe(0);
          expect(lanes.busy).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('a subject that fails does not hold up the others, even with one place', async () => {
    const items = [
      { subject: 'bad', n: 0, fails: 1_000 },
      { subject: 'good', n: 1, fails: 0 },
    ];
    const { delivered, lanes, open } = setup(items, 1);
    open();
    await settle();
    expect(delivered).toEqual([items[1]]);
    expect(lanes.size).toBe(1);
    expect(lanes.busy).toBe(false);
  });

  test('after stop nothing is tried again', async () => {
    const { clock, lanes, open, delivered } = setup([{ subject: 'a', n: 0, fails: 1 }], 1);
    open();
    await settle();
    lanes.stop();
    await clock.advance(100_000);
    expect(delivered).toEqual([]);
  });
});

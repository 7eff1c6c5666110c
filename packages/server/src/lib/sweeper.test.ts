import { describe, expect, test } from 'vitest';
import { FakeClock } from './clock.ts';
import type { Expiring } from './expiry-heap.ts';
import { Sweeper } from './sweeper.ts';

const entry = (): Expiring => ({ heapDueMs: 0, heapIndex: -1 });

describe('Sweeper', () => {
  test('reports what is due, and may be given it again', async () => {
    const clock = new FakeClock();
    let calls = 0;
    const sweeper = new Sweeper<Expiring>(clock, (due, nowMs) => {
      if (++calls < 3) sweeper.set(due, nowMs + 10_000);
    });
    sweeper.start();
    sweeper.set(entry(), clock.now() + 10_000);
    await clock.advance(9_999);
    expect(calls).toBe(0);
    await clock.advance(1);
    expect(calls).toBe(1);
    await clock.advance(60_000);
    expect(calls).toBe(3);
    expect(sweeper.first).toBeUndefined();
  });

  test('an entry queued before a later one is not kept waiting', async () => {
    const clock = new FakeClock();
    const swept: string[] = [];
    const sweeper = new Sweeper<Expiring & { name: string }>(clock, (due) => swept.push(due.name));
    sweeper.start();
    sweeper.set({ ...entry(), name: 'late' }, clock.now() + 86_400_000);
    sweeper.set({ ...entry(), name: 'soon' }, clock.now() + 5_000);
    await clock.advance(5_000);
    expect(swept).toEqual(['soon']);
    await clock.advance(86_400_000);
    expect(swept).toEqual(['soon', 'late']);
  });

  test('many due at once are swept over several turns', async () => {
    const clock = new FakeClock();
    let calls = 0;
    const sweeper = new Sweeper<Expiring>(clock, () => calls++);
    sweeper.start();
    for (let i = 0; i < 12_000; i++) sweeper.set(entry(), clock.now() + 2_000);
    await clock.advance(2_000);
    expect(calls).toBeGreaterThan(0);
    expect(calls).toBeLessThan(12_000);
    await clock.advance(100);
    expect(calls).toBe(12_000);
  });

  test('stopped it does nothing, started again it catches up', async () => {
    const clock = new FakeClock();
    let calls = 0;
    const sweeper = new Sweeper<Expiring>(clock, () => calls++);
    sweeper.start();
    sweeper.set(entry(), clock.now() + 2_000);
    sweeper.stop();
    await clock.advance(10_000);
    expect(calls).toBe(0);
    sweeper.start();
    await clock.advance(1_000);
    expect(calls).toBe(1);
  });
});

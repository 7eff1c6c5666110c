import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock, settle } from './clock.ts';
import { OverloadedError, Semaphore } from './semaphore.ts';

describe('Semaphore', () => {
  test('lets waiters in by order of arrival', async () => {
    const semaphore = new Semaphore(1, 10, new FakeClock());
    const leave = await semaphore.acquire(1_000);
    const order: number[] = [];
    for (const n of [1, 2, 3]) {
      void semaphore.acquire(1_000).then((release) => {
        order.push(n);
        release();
      });
    }
    await settle();
    expect(order).toEqual([]);
    leave();
    await settle();
    expect(order).toEqual([1, 2, 3]);
  });

  test('refuses when too many wait, and one who waits too long', async () => {
    const clock = new FakeClock();
    const semaphore = new Semaphore(1, 1, clock);
    const leave = await semaphore.acquire(1_000);
    const waiting = expect(semaphore.acquire(1_000)).rejects.toBeInstanceOf(OverloadedError);
    await expect(semaphore.acquire(1_000)).rejects.toBeInstanceOf(OverloadedError);
    await clock.advance(1_000);
    await waiting;
    expect(semaphore.waiting).toBe(0);
    leave();
    (await semaphore.acquire(1_000))();
  });

  test('close refuses those who wait and those who come', async () => {
    const semaphore = new Semaphore(1, 10, new FakeClock());
    await semaphore.acquire(1_000);
    const waiting = expect(semaphore.acquire(1_000)).rejects.toBeInstanceOf(OverloadedError);
    semaphore.close();
    await waiting;
    await expect(semaphore.acquire(1_000)).rejects.toBeInstanceOf(OverloadedError);
  });

  test('never more inside than places, and no place is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.constantFrom('come', 'go', 'wait'), { maxLength: 60 }),
        async (places, steps) => {
          const clock = new FakeClock();
          const semaphore = new Semaphore(places, 5, clock);
          const inside: (() => void)[] = [];
          for (const step of steps) {
            if (step === 'come')
              void semaphore.acquire(100).then(
                (leave) => inside.push(leave),
                () => {},
              );
            else if (step === 'go') {
              const leave = inside.shift();
              leave?.();
              leave?.();
            } else await clock.advance(60);
            await Promise.resolve();
            expect(inside.length).toBeLessThanOrEqual(places);
          }
          await clock.advance(1_000);
          for (const leave of inside.splice(0)) leave();
          await clock.advance(1_000);
          for (const leave of inside.splice(0)) leave();
          for (let i = 0; i < places; i++) await semaphore.acquire(0);
          expect(semaphore.waiting).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });
});

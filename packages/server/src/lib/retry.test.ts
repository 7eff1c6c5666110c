import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock, settle } from './clock.ts';
import { backoffMs, retry } from './retry.ts';

describe('backoffMs', () => {
  test('lies between half and all of the doubled wait, and never above the limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, random) => {
          const whole = Math.min(60_000, 500 * 2 ** (attempt - 1));
          const wait = backoffMs(attempt, { minMs: 500, maxMs: 60_000, random: () => random });
          expect(wait).toBeGreaterThanOrEqual(whole / 2);
          expect(wait).toBeLessThanOrEqual(whole);
        },
      ),
    );
  });
});

describe('retry', () => {
  const backoff = { minMs: 100, maxMs: 1_000, random: () => 0 };

  test('waits longer from attempt to attempt and returns the first success', async () => {
    const clock = new FakeClock();
    const startedAt: number[] = [];
    const fn = async (): Promise<string> => {
      startedAt.push(clock.now());
      if (startedAt.length < 3) throw new Error('not yet');
      return 'done';
    };
    const result = retry(fn, { ...backoff, clock, retries: 5, retryable: () => true });
    await settle();
    await clock.advance(10_000);
    expect(await result).toBe('done');
    expect(startedAt.map((at) => at - (startedAt[0] as number))).toEqual([0, 50, 150]);
  });

  test('ends with the last error when the retries are used up', async () => {
    const clock = new FakeClock();
    let attempts = 0;
    const fn = async (): Promise<never> => Promise.reject(new Error(`failure ${++attempts}`));
    const result = retry(fn, { ...backoff, clock, retries: 2, retryable: () => true });
    const outcome = expect(result).rejects.toThrow('failure 3');
    await settle();
    await clock.advance(10_000);
    await outcome;
  });

  test('ends at once on an error that is not retryable', async () => {
    let attempts = 0;
    const fn = async (): Promise<never> => Promise.reject(new Error(`failure ${++attempts}`));
    await expect(
      retry(fn, { ...backoff, clock: new FakeClock(), retries: 2, retryable: () => false }),
    ).rejects.toThrow();
    expect(attempts).toBe(1);
  });
});

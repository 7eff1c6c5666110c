/** Trying again: how long to wait, and a loop around a call that may fail. Used by hooks and event deliveries. */
import type { Clock } from './clock.ts';

export interface Backoff {
  /** The first wait. */
  readonly minMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
  /** From 0 to below 1; tests make it fixed. */
  readonly random?: () => number;
}

/**
 * How long to wait after a failure: doubles with every attempt, and lies between half and all of that, so that many
 * who failed together do not come back together.
 * @param attempt failures so far, from 1.
 * @returns milliseconds.
 */
export function backoffMs(attempt: number, { minMs, maxMs, random = Math.random }: Backoff): number {
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return whole / 2 + (random() * whole) / 2;
}

export interface RetryOptions extends Backoff {
  readonly clock: Clock;
  /** Attempts after the first. */
  readonly retries: number;
  /** Whether this error is worth, and safe for, another attempt. */
  retryable(error: unknown): boolean;
}

/**
 * Calls `fn` until it resolves, its error is not retryable, or the retries are used up.
 * @throws the error of the last attempt.
 */
export async function retry<T>(fn: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fn();
    } catch (error) {
      if (attempt > options.retries || !options.retryable(error)) throw error;
    }
    await new Promise<void>((resolve) => options.clock.setTimeout(resolve, backoffMs(attempt, options)));
  }
}

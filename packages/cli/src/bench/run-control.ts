/** What every scenario needs of its caller, and the loops that are bounded by it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Progress } from './progress-line.ts';

export interface RunControl {
  readonly progress: Progress;
  /** Ends the run; every scenario stops by it, also when a server hangs. */
  readonly signal: AbortSignal;
}

/**
 * Does `work` for 0 … count-1, at most `concurrency` at a time.
 * @throws the first error; no further work is begun then, and what was under way is waited for.
 */
export async function forEachIndex(
  count: number,
  concurrency: number,
  signal: AbortSignal,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async () => {
    while (next < count && !failed) {
      signal.throwIfAborted();
      try {
        await work(next++);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(count, concurrency) }, worker));
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected) throw rejected.reason;
}

/** Waits; showing how long it still takes. */
export async function pause(ms: number, phase: string, { progress, signal }: RunControl): Promise<void> {
  const until = performance.now() + ms;
  for (let left = ms; left > 0; left = until - performance.now()) {
    progress(phase, `${Math.ceil(left / 1000)} s`);
    await sleep(Math.min(left, 250), undefined, { signal });
  }
}

/**
 * Waits until `done` or for `ms`.
 * @returns whether it was done in time.
 */
export async function waitUntil(done: () => boolean, ms: number, signal: AbortSignal): Promise<boolean> {
  const until = performance.now() + ms;
  while (!done()) {
    if (performance.now() >= until) return false;
    await sleep(5, undefined, { signal });
  }
  return true;
}

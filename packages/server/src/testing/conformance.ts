/** What the conformance suites share: skipping with a reason, and waiting in turned or in real time. */
import { expect, test, vi } from 'vitest';
import { type FakeClock, settle } from '../lib/clock.ts';

export interface SuiteOptions {
  /** Tests, by their exact titles, that an implementation cannot pass, and why. */
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

/** Declares tests, less those skipped. Call `check` at the end: it fails for a skipped title that no test has. */
export class SkippableTests {
  readonly #reasons = new Map<string, string>();
  readonly #unknown: Set<string>;

  constructor(options: SuiteOptions) {
    for (const { reason, tests } of options.skip ?? []) {
      for (const title of tests) this.#reasons.set(title, reason);
    }
    this.#unknown = new Set(this.#reasons.keys());
  }

  test(title: string, body: () => Promise<void>, timeoutMs = 30_000): void {
    this.#unknown.delete(title);
    const reason = this.#reasons.get(title);
    if (reason === undefined) test(title, body, timeoutMs);
    else test.skip(`${title} (skipped: ${reason})`, body);
  }

  check(): void {
    const unknown = [...this.#unknown];
    test('every skipped test exists', () => {
      expect(unknown).toEqual([]);
    });
  }
}

/** The element there must be: fails the test if it is missing. */
export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('expected a value, got none');
  return value;
}

/** Lets time pass: turns the clock if there is one to turn, else waits. */
export async function pass(clock: FakeClock | undefined, ms: number): Promise<void> {
  if (clock) await clock.advance(ms);
  else await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until what is on its way has very likely arrived, to find out that something did not. */
export async function quiet(clock: FakeClock | undefined): Promise<void> {
  if (clock) await settle();
  else await pass(undefined, 150);
}

/** Waits until an assertion holds; fails with its error when it does not within seconds. */
export async function eventually(assertion: () => void): Promise<void> {
  await settle();
  await vi.waitFor(assertion, { timeout: 5_000, interval: 5 });
}

/** Keeps a log readable when somebody knocks often: a few lines in an interval, the rest counted. */
import type { Clock } from '../lib/clock.ts';

export class LogGate {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #lines: number;
  #openAt = 0;
  #left = 0;
  #suppressed = 0;

  /** @param lines that pass in an interval. */
  constructor(clock: Clock, intervalMs = 10_000, lines = 1) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#lines = lines;
  }

  /** @returns how many lines were left out since the last one, or undefined: leave this one out too. */
  pass(): number | undefined {
    const now = this.#clock.now();
    if (now >= this.#openAt) {
      this.#openAt = now + this.#intervalMs;
      this.#left = this.#lines;
    }
    if (this.#left === 0) {
      this.#suppressed++;
      return undefined;
    }
    this.#left--;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}

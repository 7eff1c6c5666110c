/** Keeps a log readable when somebody knocks often: one line in an interval, the rest counted. */
import type { Clock } from '../lib/clock.ts';

export class LogGate {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #openAt = 0;
  #suppressed = 0;

  constructor(clock: Clock, intervalMs = 10_000) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  /** @returns how many lines were left out since the last one, or undefined: leave this one out too. */
  pass(): number | undefined {
    const now = this.#clock.now();
    if (now < this.#openAt) {
      this.#suppressed++;
      return undefined;
    }
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    this.#openAt = now + this.#intervalMs;
    return suppressed;
  }
}

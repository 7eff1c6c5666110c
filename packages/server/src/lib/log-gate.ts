/** Keeps a log readable when the same thing happens often: a few lines in an interval, the rest counted. */
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

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

/** A logger for what happens to many at once, such as when the database is away. */
export class GatedLogger {
  readonly #logger: Logger;
  readonly #gate: LogGate;

  /** @param lines that are written in `intervalMs`; the next one says how many were left out. */
  constructor(logger: Logger, clock: Clock, intervalMs = 10_000, lines = 5) {
    this.#logger = logger;
    this.#gate = new LogGate(clock, intervalMs, lines);
  }

  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    const suppressed = this.#gate.pass();
    if (suppressed !== undefined) this.#logger.warn({ ...fields, ...(suppressed > 0 && { suppressed }) }, message);
  }

  error(fields: Readonly<Record<string, unknown>>, message: string): void {
    const suppressed = this.#gate.pass();
    if (suppressed !== undefined) this.#logger.error({ ...fields, ...(suppressed > 0 && { suppressed }) }, message);
  }
}

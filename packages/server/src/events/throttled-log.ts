/** One error line a minute for each kind of trouble: an outage, with thousands of events, must not fill the log. */
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

const intervalMs = 60_000;

export class ThrottledLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #saidAt = new Map<string, number>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** @param kind a literal: what counts as the same trouble. */
  error(kind: string, fields: Record<string, unknown>, message: string): void {
    const now = this.#clock.now();
    if (now - (this.#saidAt.get(kind) ?? Number.NEGATIVE_INFINITY) < intervalMs) return;
    this.#saidAt.set(kind, now);
    this.#logger.error(fields, message);
  }
}

/**
 * What a connection did wrong, and for how long that is borne. Made with the first error; most connections have none.
 */
import { errors } from '@tidings/protocol';
import { TokenBucket } from './limits.ts';

/** Error replies that are logged at once, and how fast more may follow: a client that goes on is not worth more. */
const loggedBurst = 10;
const loggedPerSecond = 0.1;
/** Refusals this close to each other are one flood, and one line. */
const sameFloodMs = 1_000;
const minPatience = 100;

export class Offences {
  /** Error replies so far. */
  errors = 0;
  readonly #lines: TokenBucket;
  readonly #patience: TokenBucket;
  #refusedMs = Number.NEGATIVE_INFINITY;

  /** @param rate commands a second that are allowed; 0 is no limit. */
  constructor(rate: number, nowMs: number) {
    this.#lines = new TokenBucket(loggedPerSecond, loggedBurst, nowMs);
    // Twice the rate for ever is a flood; somewhat more than the rate is merely told so.
    this.#patience = new TokenBucket(Math.max(rate, minPatience / 2), Math.max(rate * 2, minPatience), nowMs);
  }

  /** Takes note of a command beyond the rate. @returns false if there were too many of them. */
  bear(nowMs: number): boolean {
    return this.#patience.take(nowMs);
  }

  /** Whether an error reply with this code should be a line in the log. */
  worthALine(code: number, nowMs: number): boolean {
    if (code === errors.tooManyRequests.code) {
      const isNew = nowMs - this.#refusedMs >= sameFloodMs;
      this.#refusedMs = nowMs;
      if (!isNew) return false;
    }
    return this.#lines.take(nowMs);
  }
}

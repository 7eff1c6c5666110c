/**
 * Keeps callers from waiting on something that is down, and keeps something that struggles from being overrun.
 *
 * Closed: calls pass. After a number of failures in a row it opens: calls fail at once. After a cool-down one call is
 * let through (half open): its success closes the breaker, its failure opens it for another cool-down.
 */
import type { Clock } from './clock.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

/** The breaker is open: nothing was called. */
export class CircuitOpenError extends Error {
  constructor() {
    super('circuit breaker is open');
    this.name = 'CircuitOpenError';
  }
}

export interface CircuitBreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  readonly cooldownMs: number;
  readonly clock: Clock;
  /** Whether an error says that the other side is down; others count as success. Default: all do. */
  isFailure?(error: unknown): boolean;
  onChange?(state: BreakerState): void;
}

export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions;
  #state: BreakerState = 'closed';
  #failures = 0;
  #openUntil = 0;

  constructor(options: CircuitBreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether `run` would refuse now. */
  get refuses(): boolean {
    return this.#state === 'half-open' || (this.#state === 'open' && this.#options.clock.now() < this.#openUntil);
  }

  /**
   * Calls `fn`, or refuses.
   * @throws CircuitOpenError when it refuses; else what `fn` throws.
   */
  async run<T>(fn: () => Promise<T>): Promise<T> {
    if (this.refuses) throw new CircuitOpenError();
    const probe = this.#state === 'open';
    if (probe) this.#become('half-open');
    try {
      const result = await fn();
      this.#report(probe, true);
      return result;
    } catch (error) {
      this.#report(probe, !(this.#options.isFailure?.(error) ?? true));
      throw error;
    }
  }

  #report(probe: boolean, success: boolean): void {
    // A call that began before the breaker opened tells nothing about now; only the probe does.
    if (!probe && this.#state !== 'closed') return;
    if (success) {
      this.#failures = 0;
      this.#become('closed');
      return;
    }
    this.#failures++;
    if (!probe && this.#failures < this.#options.failures) return;
    this.#openUntil = this.#options.clock.now() + this.#options.cooldownMs;
    this.#become('open');
  }

  #become(state: BreakerState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onChange?.(state);
  }
}

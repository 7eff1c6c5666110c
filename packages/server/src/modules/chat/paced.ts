/**
 * Does something for a key at once, and again at most once per interval for as long as it is wanted: what many changes in
 * a short time cause is done once for all of them, and the last of them is never left out. What is done again falls on
 * the same moments for many keys, so that it can be done together.
 */
import type { Clock, TimerId } from '../../lib/clock.ts';
import { GatedLogger } from '../../lib/log-gate.ts';
import type { Logger } from '../../lib/logger.ts';
import { backoffMs } from '../../lib/retry.ts';

const retry = { minMs: 500, maxMs: 15_000 };
/** The moments are multiples of it. */
const gridMs = 25;
/** So late a timer may be: the next moment is not missed for it. */
const lateMs = 10;

export interface PacedOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** For the log: `activity could not be told`. */
  readonly failure: string;
  /** If it throws, it is tried again later. */
  readonly run: (key: string) => Promise<void>;
}

interface Turn {
  readonly everyMs: number;
  wanted: boolean;
  failures: number;
  timer: TimerId;
}

export class Paced {
  readonly #options: PacedOptions;
  readonly #log: GatedLogger;
  readonly #turns = new Map<string, Turn>();
  #running = 0;
  #stopped = false;

  constructor(options: PacedOptions) {
    this.#options = options;
    this.#log = new GatedLogger(options.logger, options.clock);
  }

  /** Wants it done for the key. The interval is that of the first wish after a pause. */
  want(key: string, everyMs: number): void {
    if (this.#stopped) return;
    const turn = this.#turns.get(key);
    if (turn) {
      turn.wanted = true;
      return;
    }
    const fresh: Turn = { everyMs, wanted: true, failures: 0, timer: undefined };
    this.#turns.set(key, fresh);
    void this.#run(key, fresh);
  }

  /** Resolves when nothing is under way; what waits for its interval still waits. */
  async idle(): Promise<void> {
    while (this.#running > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Does now what waits, once, and wants nothing more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#turns.values()) this.#options.clock.clearTimeout(timer);
    await this.idle();
    for (const [key, turn] of this.#turns) if (turn.wanted) void this.#run(key, turn);
    await this.idle();
    this.#turns.clear();
  }

  async #run(key: string, turn: Turn): Promise<void> {
    const { clock, run, failure } = this.#options;
    turn.wanted = false;
    this.#running++;
    const startedMs = clock.now();
    try {
      await run(key);
      turn.failures = 0;
    } catch (error) {
      turn.failures++;
      turn.wanted = true;
      this.#log.warn({ err: error }, `${failure}; it is tried again`);
    }
    this.#running--;
    if (this.#stopped) return;
    const dueMs = Math.ceil((startedMs + turn.everyMs - lateMs) / gridMs) * gridMs;
    const waitMs = turn.failures > 0 ? backoffMs(turn.failures, retry) : dueMs - clock.now();
    turn.timer = clock.setTimeout(
      () => {
        if (turn.wanted) void this.#run(key, turn);
        else this.#turns.delete(key);
      },
      Math.max(0, waitMs),
    );
  }
}

/**
 * Order per subject, without one subject holding up the others. A lane carries the events of one subject, one after
 * another; lanes run side by side, so many at once. An event that fails is tried again, later and later, and keeps only
 * its own lane waiting.
 */
import type { Clock, TimerId } from '../lib/clock.ts';
import { backoffMs } from '../lib/retry.ts';

interface Lane<T> {
  item: T;
  /** Failures of this item so far. */
  failures: number;
  delivered: boolean;
  timer: TimerId;
}

export interface LanesOptions<T> {
  readonly clock: Clock;
  /** Deliveries at once. */
  readonly concurrency: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly random?: (() => number) | undefined;
  /**
   * Delivers one item. A throw means: again later.
   * @param failures how often this item failed before.
   */
  deliver(item: T, failures: number): Promise<void>;
  /** The item that follows in the same subject; undefined if there is none now: the lane ends. A throw: asked again. */
  next(item: T): T | undefined;
  /** A delivery ended, well or badly. */
  onSettled?(): void;
}

export class Lanes<T extends { readonly subject: string }> {
  readonly #options: LanesOptions<T>;
  readonly #lanes = new Map<string, Lane<T>>();
  /** In order of readiness. */
  readonly #ready = new Set<Lane<T>>();
  #underWay = 0;
  #stopped = false;

  constructor(options: LanesOptions<T>) {
    this.#options = options;
  }

  /** Subjects with an event that is under way, ready or waiting to be tried again. */
  get size(): number {
    return this.#lanes.size;
  }

  /** Whether something is under way or about to be; false when all lanes wait to try again. */
  get busy(): boolean {
    return this.#underWay > 0 || this.#ready.size > 0;
  }

  has(subject: string): boolean {
    return this.#lanes.has(subject);
  }

  /** Opens a lane with its first item. The subject must have none. */
  open(item: T): void {
    const lane: Lane<T> = { item, failures: 0, delivered: false, timer: undefined };
    this.#lanes.set(item.subject, lane);
    this.#ready.add(lane);
    this.#pump();
  }

  /** Starts nothing more; what is under way ends unheard. */
  stop(): void {
    this.#stopped = true;
    for (const lane of this.#lanes.values()) this.#options.clock.clearTimeout(lane.timer);
    this.#lanes.clear();
    this.#ready.clear();
  }

  #pump(): void {
    for (const lane of this.#ready) {
      if (this.#underWay >= this.#options.concurrency) return;
      this.#ready.delete(lane);
      this.#underWay++;
      void this.#run(lane);
    }
  }

  async #run(lane: Lane<T>): Promise<void> {
    const { clock, deliver, next } = this.#options;
    try {
      if (!lane.delivered) await deliver(lane.item, lane.failures);
      if (this.#stopped) return;
      lane.delivered = true;
      const following = next(lane.item);
      if (following) {
        Object.assign(lane, { item: following, failures: 0, delivered: false });
        this.#ready.add(lane);
      } else {
        this.#lanes.delete(lane.item.subject);
      }
    } catch {
      if (this.#stopped) return;
      lane.failures++;
      const waitMs = backoffMs(lane.failures, {
        minMs: this.#options.minBackoffMs,
        maxMs: this.#options.maxBackoffMs,
        ...(this.#options.random && { random: this.#options.random }),
      });
      lane.timer = clock.setTimeout(() => {
        this.#ready.add(lane);
        this.#pump();
      }, waitMs);
    } finally {
      this.#underWay--;
      if (!this.#stopped) {
        this.#pump();
        this.#options.onSettled?.();
      }
    }
  }
}

/**
 * Wakes connections when something is due: a ping, an overdue pong, an expiry. One timer for all of them.
 *
 * A hashed timing wheel: time is cut into ticks, and an entry waits in the slot of its tick modulo the number of
 * slots. Scheduling and cancelling are O(1), because an entry carries its own place; an entry due beyond one turn of
 * the wheel is passed over until its turn comes.
 *
 * Source: Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 6.
 */
import type { Clock, TimerId } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

/** Start with `heartbeatDue: 0, heartbeatSlot: -1, heartbeatIndex: -1`; only the wheel writes them. */
export interface HeartbeatEntry {
  /** Unix time in milliseconds. */
  heartbeatDue: number;
  heartbeatSlot: number;
  heartbeatIndex: number;
  /** The entry is due, and scheduled no longer; it may schedule itself again. */
  onHeartbeat(nowMs: number): void;
}

export interface HeartbeatOptions {
  /** Length of a tick: an entry is woken never before its due time and about this much later at most. */
  readonly tickMs?: number;
  readonly slots?: number;
  /** Told of entries that throw. */
  readonly logger?: Logger;
}

const nowhere = -1;
/** Slot of an entry that is about to be woken: taken out of the wheel, and to be skipped when it changes its mind. */
const waking = -2;

export class Heartbeat {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #logger: Logger | undefined;
  readonly #slots: HeartbeatEntry[][];
  #size = 0;
  /** The last tick whose entries were woken. */
  #tick = 0;
  #running = false;
  #timer: TimerId;
  #timerAtMs = 0;
  #postponed = false;

  constructor(clock: Clock, options: HeartbeatOptions = {}) {
    this.#clock = clock;
    this.#tickMs = options.tickMs ?? 250;
    this.#logger = options.logger;
    this.#slots = Array.from({ length: options.slots ?? 512 }, () => []);
  }

  /** Entries scheduled. */
  get size(): number {
    return this.#size;
  }

  /**
   * Wakes an entry at `dueMs` (Unix time in milliseconds), instead of when it was scheduled before. Infinity cancels.
   * What is due already is woken with the next tick.
   */
  schedule(entry: HeartbeatEntry, dueMs: number): void {
    if (dueMs === Infinity) {
      this.cancel(entry);
      return;
    }
    if (this.#size === 0 && this.#timer === undefined) this.#tick = this.#tickOf(this.#clock.now());
    const tick = Math.max(Math.ceil(dueMs / this.#tickMs), this.#tick + 1);
    const slot = tick % this.#slots.length;
    entry.heartbeatDue = dueMs;
    if (slot !== entry.heartbeatSlot) {
      this.cancel(entry);
      this.#put(entry, slot);
    }
    if (this.#timer === undefined && this.#running) this.#arm();
  }

  /** Does nothing if the entry is not scheduled. */
  cancel(entry: HeartbeatEntry): void {
    if (entry.heartbeatSlot >= 0) this.#take(entry);
    entry.heartbeatSlot = nowhere;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    if (this.#size > 0) this.#arm();
  }

  /** Keeps the entries: what is due by then is woken after the next start. */
  stop(): void {
    this.#running = false;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tickOf(nowMs: number): number {
    return Math.floor(nowMs / this.#tickMs);
  }

  #put(entry: HeartbeatEntry, slot: number): void {
    const entries = this.#slots[slot] as HeartbeatEntry[];
    entry.heartbeatSlot = slot;
    entry.heartbeatIndex = entries.length;
    entries.push(entry);
    this.#size++;
  }

  /** Takes an entry out of its slot; the last of the slot fills its place. */
  #take(entry: HeartbeatEntry): void {
    const entries = this.#slots[entry.heartbeatSlot] as HeartbeatEntry[];
    const last = entries.pop() as HeartbeatEntry;
    if (last !== entry) {
      entries[entry.heartbeatIndex] = last;
      last.heartbeatIndex = entry.heartbeatIndex;
    }
    this.#size--;
  }

  #arm(delayMs?: number): void {
    const nowMs = this.#clock.now();
    this.#timerAtMs = delayMs === undefined ? Math.max((this.#tick + 1) * this.#tickMs, nowMs + 1) : nowMs + delayMs;
    // Not further than a tick away, even if the clock was set back.
    const waitMs = Math.min(this.#timerAtMs - nowMs, this.#tickMs);
    this.#timer = this.#clock.setTimeout(() => this.#turn(), waitMs);
  }

  #turn(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.now();
    const lateMs = nowMs - this.#timerAtMs;
    if (lateMs > 2 * this.#tickMs && !this.#postponed) {
      // The loop was blocked. What clients sent meanwhile, such as pongs, is read before anybody is found late.
      this.#postponed = true;
      this.#arm(1);
      return;
    }
    this.#postponed = false;
    const last = this.#tickOf(nowMs);
    // The clock was set back: go on from there, or nobody is woken until it has caught up.
    if (last < this.#tick) this.#tick = last;
    // After a whole turn of the wheel every slot has been seen.
    const from = Math.max(this.#tick + 1, last - this.#slots.length + 1);
    for (let tick = from; tick <= last; tick++) {
      this.#tick = tick;
      this.#wake(tick % this.#slots.length, nowMs);
    }
    if (this.#running && this.#size > 0 && this.#timer === undefined) this.#arm();
  }

  #wake(slot: number, nowMs: number): void {
    const entries = this.#slots[slot] as HeartbeatEntry[];
    const due: HeartbeatEntry[] = [];
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i] as HeartbeatEntry;
      if (entry.heartbeatDue > nowMs) continue;
      this.#take(entry);
      entry.heartbeatSlot = waking;
      due.push(entry);
    }
    for (const entry of due) {
      // An entry woken before this one may have cancelled or moved it.
      if (entry.heartbeatSlot !== waking) continue;
      entry.heartbeatSlot = nowhere;
      if (!this.#running) {
        this.schedule(entry, entry.heartbeatDue);
        continue;
      }
      try {
        entry.onHeartbeat(nowMs);
      } catch (error) {
        this.#logger?.error({ err: error }, 'a heartbeat failed');
      }
    }
  }
}

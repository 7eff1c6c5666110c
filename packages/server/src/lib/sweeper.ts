/**
 * Lets go of what expired, with one timer however many things wait. For memory only: whoever reads an entry checks
 * its expiry itself, because a sweep may come a second late.
 */
import type { Clock, TimerId } from './clock.ts';
import { ExpiryHeap, type Expiring } from './expiry-heap.ts';

/** Sweeps are at least this far apart, so that entries due one by one do not wake the process one by one. */
const minDelayMs = 1_000;
/** Below the 24.8 days after which timers overflow. */
const maxDelayMs = 3_600_000;
/** Entries in one go, so that a million due at once do not block the loop. */
const maxEntriesPerSweep = 5_000;
const nextTurnMs = 10;

export class Sweeper<T extends Expiring> {
  readonly #clock: Clock;
  readonly #onDue: (entry: T, nowMs: number) => void;
  readonly #heap = new ExpiryHeap<T>();
  #running = false;
  #timer: TimerId;
  /** When the timer fires; infinity without a timer. */
  #timerAtMs = Infinity;

  /** @param onDue is given each due entry, no longer queued; it may queue it again with `set`. */
  constructor(clock: Clock, onDue: (entry: T, nowMs: number) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** The entry due first. */
  get first(): T | undefined {
    return this.#heap.first;
  }

  /** Queues or moves an entry. */
  set(entry: T, dueMs: number): void {
    this.#heap.set(entry, dueMs);
    if (this.#running && dueMs < this.#timerAtMs) this.#arm(minDelayMs);
  }

  delete(entry: T): void {
    this.#heap.delete(entry);
  }

  start(): void {
    this.#running = true;
    this.#arm(minDelayMs);
  }

  /** Keeps the entries: what is due is swept after the next start. */
  stop(): void {
    this.#running = false;
    this.#disarm();
  }

  #disarm(): void {
    if (this.#timerAtMs === Infinity) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timerAtMs = Infinity;
  }

  #arm(afterMs: number): void {
    const first = this.#heap.first;
    if (!first || !this.#running) return;
    const nowMs = this.#clock.now();
    const atMs = Math.min(Math.max(first.heapDueMs, nowMs + afterMs), nowMs + maxDelayMs);
    if (atMs >= this.#timerAtMs) return;
    this.#disarm();
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.setTimeout(() => this.#sweep(), atMs - nowMs);
  }

  #sweep(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#clock.now();
    let left = maxEntriesPerSweep;
    try {
      for (let first = this.#heap.first; first && first.heapDueMs <= nowMs && left > 0; first = this.#heap.first) {
        left--;
        this.#heap.delete(first);
        this.#onDue(first, nowMs);
      }
    } finally {
      this.#arm(left > 0 ? minDelayMs : nextTurnMs);
    }
  }
}

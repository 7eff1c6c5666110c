/** So many at once, so many waiting, the rest refused: the bound on work that others can ask for. */
import type { Clock, TimerId } from './clock.ts';

/** No place, and either no room to wait or the wait took too long. */
export class OverloadedError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'OverloadedError';
  }
}

interface Waiter {
  readonly enter: () => void;
  readonly refuse: (error: OverloadedError) => void;
  timer: TimerId;
}

export class Semaphore {
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  #free: number;
  #closed = false;
  /** In order of arrival. */
  readonly #waiting = new Set<Waiter>();

  /**
   * @param places how many may be inside at once.
   * @param maxWaiting how many may wait; one more is refused.
   */
  constructor(places: number, maxWaiting: number, clock: Clock) {
    this.#free = places;
    this.#maxWaiting = maxWaiting;
    this.#clock = clock;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Takes a place, first come first served.
   * @param maxWaitMs how long to wait for one.
   * @returns gives the place back; a second call does nothing.
   * @throws OverloadedError when too many wait, the wait was too long, or after `close`.
   */
  async acquire(maxWaitMs: number): Promise<() => void> {
    if (this.#closed) throw new OverloadedError('closed');
    if (this.#free > 0) this.#free--;
    else await this.#wait(maxWaitMs);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#release();
    };
  }

  /** Refuses all who wait and all who come. */
  close(): void {
    this.#closed = true;
    for (const waiter of [...this.#waiting]) this.#take(waiter).refuse(new OverloadedError('closed'));
  }

  #wait(maxWaitMs: number): Promise<void> {
    if (this.#waiting.size >= this.#maxWaiting) throw new OverloadedError('too many are waiting');
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { enter: resolve, refuse: reject, timer: undefined };
      waiter.timer = this.#clock.setTimeout(
        () => this.#take(waiter).refuse(new OverloadedError(`no place within ${maxWaitMs} ms`)),
        maxWaitMs,
      );
      this.#waiting.add(waiter);
    });
  }

  #release(): void {
    const [next] = this.#waiting;
    // The place passes on without becoming free: nobody who comes now may overtake.
    if (next) this.#take(next).enter();
    else this.#free++;
  }

  #take(waiter: Waiter): Waiter {
    this.#waiting.delete(waiter);
    this.#clock.clearTimeout(waiter.timer);
    return waiter;
  }
}

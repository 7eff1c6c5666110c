/** One run for many wishes: whatever asks in the meantime is served by the same one. */
import type { Clock } from '../clock.ts';

export class Coalesced {
  readonly #clock: Clock;
  readonly #delayMs: number;
  readonly #run: () => void;
  #timer: unknown;

  /** @param delayMs from the first wish to the run; 0: as soon as what is going on has ended. */
  constructor(clock: Clock, delayMs: number, run: () => void) {
    this.#clock = clock;
    this.#delayMs = delayMs;
    this.#run = run;
  }

  want(): void {
    this.#timer ??= this.#clock.setTimeout(() => this.now(), this.#delayMs);
  }

  get isWanted(): boolean {
    return this.#timer !== undefined;
  }

  /** What is wanted, now and not later. */
  flush(): void {
    if (this.isWanted) this.now();
  }

  now(): void {
    this.cancel();
    this.#run();
  }

  cancel(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

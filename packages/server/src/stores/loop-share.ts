/**
 * Gives the event loop its share. SQLite answers before the call returns, so code that awaits one statement after the
 * other, or a long queue of transactions, would never let a socket be read in between.
 */

/** So long the database may keep the loop to itself. */
const maxMs = 8;

export class LoopShare {
  #sinceMs = 0;
  /** Resolves in the next turn of the loop; undefined: nothing was done in this one yet. */
  #nextTurn: Promise<void> | undefined;

  /** Before something is done: waits for a later turn of the loop if this one has lasted too long. */
  take(): Promise<void> | undefined {
    return this.#isSpent() ? this.#wait() : undefined;
  }

  async #wait(): Promise<void> {
    // Many may wait, and those before this one may have used up the next turn too.
    do await this.#nextTurn;
    while (this.#isSpent());
  }

  #isSpent(): boolean {
    // Real time on purpose: what matters is how long sockets have waited.
    const now = performance.now();
    if (this.#nextTurn) return now - this.#sinceMs > maxMs;
    this.#sinceMs = now;
    this.#nextTurn = new Promise((resolve) => {
      setImmediate(() => {
        this.#nextTurn = undefined;
        resolve();
      });
    });
    return false;
  }
}

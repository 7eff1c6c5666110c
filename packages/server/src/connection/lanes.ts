/**
 * Order where order has a meaning: work of one lane (a channel, or the connection's own affairs) runs one after the
 * other; lanes do not wait for each other, so that a slow hook of one channel holds up nothing else.
 */
export class Lanes {
  #tails: Map<string, Promise<unknown>> | undefined;

  /** Runs `work` behind everything under way in `lane`; at once if there is nothing. */
  run<T>(lane: string, work: () => Promise<T>): Promise<T> {
    const tails = (this.#tails ??= new Map());
    const before = tails.get(lane);
    const current = before ? before.then(work, work) : work();
    const tail = current
      .catch(() => {})
      .finally(() => {
        if (tails.get(lane) === tail) tails.delete(lane);
        if (tails.size === 0 && this.#tails === tails) this.#tails = undefined;
      });
    tails.set(lane, tail);
    return current;
  }
}

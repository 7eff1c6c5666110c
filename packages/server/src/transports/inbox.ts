/**
 * What arrived and was not taken yet. In-process clients are read from it, in order or by what a test waits for.
 */
interface Waiting<T> {
  readonly match: ((item: T) => boolean) | undefined;
  readonly resolve: (item: T) => void;
  readonly reject: (error: Error) => void;
}

export class Inbox<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #waiting: Waiting<T>[] = [];
  #ended: Error | undefined;

  /** What arrived and was not taken, oldest first. */
  get items(): readonly T[] {
    return this.#items;
  }

  /** Adds an item, or hands it to the first who waits for one like it. */
  add(item: T): void {
    const index = this.#waiting.findIndex((waiting) => !waiting.match || waiting.match(item));
    const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiting) waiting.resolve(item);
    else this.#items.push(item);
  }

  /** Nothing will be added any more: who waits is told why. */
  end(error: Error): void {
    this.#ended ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#ended);
  }

  /**
   * Takes the oldest item that matches, now or when it arrives; the others stay.
   * @throws the error given to `end`, when nothing that matches is left.
   */
  next(match?: (item: T) => boolean): Promise<T> {
    const index = match ? this.#items.findIndex(match) : this.#items.length > 0 ? 0 : -1;
    if (index >= 0) return Promise.resolve(this.#items.splice(index, 1)[0] as T);
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ match, resolve, reject }));
  }

  /** Items in order until the end; the end of an iteration is no error. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      try {
        yield await this.next();
      } catch (error) {
        if (error === this.#ended) return;
        throw error;
      }
    }
  }
}

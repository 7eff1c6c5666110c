/** A store that costs something to keep: it is told when the first one watches, and when the last has gone. */
import { WritableStore, type Store } from './store.ts';

export class WatchedStore<T> implements Store<T> {
  readonly #inner: WritableStore<T>;
  readonly #onWatched: () => void;
  readonly #onUnwatched: (() => void) | undefined;

  constructor(value: T, onWatched: () => void, onUnwatched?: () => void) {
    this.#inner = new WritableStore(value);
    this.#onWatched = onWatched;
    this.#onUnwatched = onUnwatched;
  }

  readonly get = (): T => this.#inner.get();

  readonly subscribe = (listener: () => void): (() => void) => {
    const isFirst = !this.#inner.isWatched;
    const stop = this.#inner.subscribe(listener);
    if (isFirst) this.#onWatched();
    let isStopped = false;
    return () => {
      if (isStopped) return;
      isStopped = true;
      stop();
      if (!this.#inner.isWatched) this.#onUnwatched?.();
    };
  };

  set(value: T): void {
    this.#inner.set(value);
  }

  update(change: (value: T) => T): void {
    this.#inner.update(change);
  }

  get isWatched(): boolean {
    return this.#inner.isWatched;
  }
}

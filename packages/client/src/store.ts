/**
 * A value that changes, and whoever watches it: the seam to every framework. `get` and `subscribe` are what React's
 * `useSyncExternalStore` takes; Vue and others need two lines.
 */

/** Read by anybody, written by its owner. */
export interface Store<T> {
  /** The value as it is; the same object until it changes. Needs no `this`. */
  readonly get: () => T;
  /** Calls `listener` after each change, until the function that it returns is called. Needs no `this`. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** The owner's side of a store. */
export class WritableStore<T> implements Store<T> {
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    // The same function may listen twice, and stop once.
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  /** Nothing is told if it is the same value. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  update(change: (value: T) => T): void {
    this.set(change(this.#value));
  }

  /** Whether anybody watches. */
  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }
}

/**
 * What expires first, out of many: a binary heap of entries that carry their own place in it.
 *
 * Entries hold their place, so that moving or deleting one needs no search and no stale copies stay behind. Whoever
 * renews entries often need not move them: leave the entry where it is, and queue it again when it comes up too early.
 */

/** The two numbers an entry carries. Start with `heapDueMs: 0, heapIndex: -1`; only the heap writes them. */
export interface Expiring {
  /** Unix time in milliseconds. */
  heapDueMs: number;
  /** Place in the heap; -1: not queued. */
  heapIndex: number;
}

export class ExpiryHeap<T extends Expiring> {
  readonly #entries: T[] = [];

  get size(): number {
    return this.#entries.length;
  }

  /** The entry due first. */
  get first(): T | undefined {
    return this.#entries[0];
  }

  /** Queues an entry, or moves it if it is queued. O(log n); O(1) for an entry due later than all others. */
  set(entry: T, dueMs: number): void {
    const wasDueMs = entry.heapDueMs;
    entry.heapDueMs = dueMs;
    if (entry.heapIndex < 0) {
      entry.heapIndex = this.#entries.length;
      this.#entries.push(entry);
      this.#up(entry);
    } else if (dueMs < wasDueMs) {
      this.#up(entry);
    } else if (dueMs > wasDueMs) {
      this.#down(entry);
    }
  }

  /** Does nothing if the entry is not queued. */
  delete(entry: T): void {
    const index = entry.heapIndex;
    if (index < 0) return;
    entry.heapIndex = -1;
    const last = this.#entries.pop() as T;
    if (last === entry) return;
    this.#place(last, index);
    this.#up(last);
    this.#down(last);
  }

  #place(entry: T, index: number): void {
    this.#entries[index] = entry;
    entry.heapIndex = index;
  }

  #up(entry: T): void {
    let index = entry.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#entries[parentIndex] as T;
      if (parent.heapDueMs <= entry.heapDueMs) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(entry, index);
  }

  #down(entry: T): void {
    const entries = this.#entries;
    let index = entry.heapIndex;
    for (;;) {
      let childIndex = 2 * index + 1;
      let child = entries[childIndex];
      if (!child) break;
      const right = entries[childIndex + 1];
      if (right && right.heapDueMs < child.heapDueMs) {
        child = right;
        childIndex++;
      }
      if (child.heapDueMs >= entry.heapDueMs) break;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(entry, index);
  }
}

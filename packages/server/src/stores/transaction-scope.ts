/**
 * Knows, by asynchronous context, whether code runs within a transaction of a store. A transaction that waits for
 * another turn of its own database waits for itself; that must be an error at once, not a server that stands still.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** One attempt at a transaction. */
export class Attempt {
  open = true;
  /** Failed in a way that another attempt may not: nothing was written. */
  retryable = false;
  /** Statements may take as long as they like. */
  readonly unlimited: boolean;

  constructor(unlimited = false) {
    this.unlimited = unlimited;
  }
}

export class TransactionScope {
  readonly #storage = new AsyncLocalStorage<Attempt | undefined>();

  /** The attempt that this code runs in; undefined: none that is still open. */
  get current(): Attempt | undefined {
    const attempt = this.#storage.getStore();
    return attempt?.open === true ? attempt : undefined;
  }

  /** Runs a transaction; `current` is its attempt until it ends. */
  async run<T>(attempt: Attempt, body: () => Promise<T>): Promise<T> {
    try {
      return await this.#storage.run(attempt, body);
    } finally {
      attempt.open = false;
    }
  }

  /** Runs what a transaction has caused, but is no part of it. */
  outside(body: () => void): void {
    this.#storage.run(undefined, body);
  }

  /** @throws Error within a transaction. */
  assertOutside(what: string): void {
    if (this.current) throw new Error(`${what} within a transaction would wait for that transaction: use its tx`);
  }
}

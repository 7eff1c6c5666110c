/**
 * A SQLite file as the store uses it: one connection that writes, by turns, and one that reads, so that nobody who reads
 * waits for a transaction. In the write-ahead log a reader sees what was committed when its statement began.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../lib/clock.ts';
import { backoffMs } from '../lib/retry.ts';
import { OverloadedError, Semaphore } from '../lib/semaphore.ts';
import { LoopShare } from './loop-share.ts';
import { SqliteConnection, type SqliteResult } from './sqlite-connection.ts';
import { isBusy } from './sqlite-error.ts';
import { StoreUnavailableError } from './store.ts';

/** So many may wait for their turn to write. */
const maxWaiting = 100_000;

export interface SqliteDatabaseOptions {
  /** `:memory:` for one that ends with the process; its readers wait for transactions. */
  readonly file: string;
  readonly synchronous: 'full' | 'normal' | 'off';
  /** How long to wait for one's turn, or for another process. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The turn to write: held for one statement, or for a transaction. */
export interface WriteTurn {
  readonly connection: SqliteConnection;
  end(): void;
}

export class SqliteDatabase {
  readonly #options: SqliteDatabaseOptions;
  readonly #turns: Semaphore;
  readonly #share = new LoopShare();
  #writer: SqliteConnection | undefined;
  #reader: SqliteConnection | undefined;
  #closing = false;

  constructor(options: SqliteDatabaseOptions) {
    this.#options = options;
    this.#turns = new Semaphore(1, maxWaiting, options.clock);
  }

  get file(): string {
    return this.#options.file;
  }

  /** Makes the file and its folder if there is none. @throws StoreUnavailableError, StoreFullError, Error of SQLite. */
  async open(): Promise<void> {
    const { file, synchronous } = this.#options;
    if (!this.inMemory) this.#makeFolder();
    try {
      this.#writer = await this.whenFree(() => new SqliteConnection({ file, synchronous, readOnly: false }));
      if (!this.inMemory) {
        this.#reader = await this.whenFree(() => new SqliteConnection({ file, synchronous, readOnly: true }));
      }
    } catch (error) {
      this.#writer?.close();
      this.#writer = undefined;
      throw error;
    }
  }

  /** Whether reading, too, takes turns: two connections would be two databases. */
  get inMemory(): boolean {
    return this.file === ':memory:';
  }

  /** Reads without waiting for transactions. Not for a database in memory. */
  async read(sql: string, parameters: readonly unknown[]): Promise<SqliteResult> {
    const pause = this.#share.take();
    if (pause) await pause;
    const reader = this.#reader;
    if (!reader) throw this.#notOpen();
    try {
      return reader.execute(sql, parameters);
    } catch (error) {
      // Readers hardly ever wait, so they pay for it only then.
      if (!isHeld(error)) throw error;
      return this.whenFree(() => reader.execute(sql, parameters));
    }
  }

  /** Runs one statement, committed when this resolves. */
  async write(sql: string, parameters: readonly unknown[]): Promise<SqliteResult> {
    const turn = await this.takeTurn();
    try {
      return await this.whenFree(() => turn.connection.execute(sql, parameters));
    } finally {
      turn.end();
    }
  }

  /** Waits for the turn to write. @throws StoreUnavailableError if it does not come in time. */
  async takeTurn(): Promise<WriteTurn> {
    if (this.#closing || !this.#writer) throw this.#notOpen();
    const connection = this.#writer;
    try {
      const end = await this.#turns.acquire(this.#options.timeoutMs);
      await this.#share.take();
      return { connection, end };
    } catch (error) {
      if (!(error instanceof OverloadedError)) throw error;
      throw new StoreUnavailableError(`no turn to write to ${this.file}: ${error.message}`, { cause: error });
    }
  }

  /**
   * Tries until no other process holds the lock. What is tried must leave nothing behind when it fails.
   * @throws StoreUnavailableError if that takes too long.
   */
  async whenFree<T>(attempt: () => T): Promise<T> {
    const { timeoutMs } = this.#options;
    let until: number | undefined;
    for (let failures = 1; ; failures++) {
      try {
        return attempt();
      } catch (error) {
        until ??= performance.now() + timeoutMs;
        if (!isHeld(error) || this.#closing || performance.now() >= until) throw error;
      }
      // In real time, which another process lives in; and a process that waits must not end for want of work.
      await sleep(backoffMs(failures, { minMs: 2, maxMs: 50 }));
    }
  }

  /** Takes nothing new, lets what waits and runs finish for as long as the timeout, and closes. Never throws. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (!this.#writer) return;
    await this.#turns.acquire(this.#options.timeoutMs).catch(() => {});
    this.#turns.close();
    for (const connection of [this.#reader, this.#writer]) {
      try {
        connection?.close();
      } catch {
        // The operating system takes the rest; what was committed is in the file.
      }
    }
    this.#reader = undefined;
    this.#writer = undefined;
  }

  #notOpen(): StoreUnavailableError {
    return new StoreUnavailableError(`the database ${this.file} is ${this.#closing ? 'closed' : 'not open yet'}`);
  }

  #makeFolder(): void {
    const folder = dirname(this.file);
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw new StoreUnavailableError(`the folder ${folder} cannot be made: ${(cause as Error).message}`, { cause });
    }
  }
}

/** Whether another process holds the lock. */
function isHeld(error: unknown): boolean {
  return error instanceof StoreUnavailableError && isBusy(error.cause);
}

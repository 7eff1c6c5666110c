/**
 * A database of this device over IndexedDB, that stays usable whatever happens to the connection: closed by the browser,
 * deleted by the person, upgraded by a newer tab. Everything that goes wrong is TidingsError `storage`.
 */
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, type StoreNames, openDB } from 'idb';
import { TidingsError } from '../error.ts';

/** Brings the schema from one version to the next; it may read and write through `transaction`. */
export type DatabaseUpgrade<Schema extends DBSchema> = (
  database: IDBPDatabase<Schema>,
  transaction: IDBPTransaction<Schema, StoreNames<Schema>[], 'versionchange'>,
) => void;

export interface DeviceDatabaseOptions<Schema extends DBSchema> {
  readonly name: string;
  /** The first one makes version 1, and so on. They are never changed once published. */
  readonly upgrades: readonly DatabaseUpgrade<Schema>[];
  /** How long to wait for another tab that does not let go of an older version. */
  readonly openTimeoutMs?: number;
}

type Transaction<Schema extends DBSchema, Mode extends IDBTransactionMode> = IDBPTransaction<
  Schema,
  StoreNames<Schema>[],
  Mode
>;

export class DeviceDatabase<Schema extends DBSchema> {
  readonly #options: DeviceDatabaseOptions<Schema>;
  #database: Promise<IDBPDatabase<Schema>> | undefined;
  #isClosed = false;

  constructor(options: DeviceDatabaseOptions<Schema>) {
    this.#options = options;
  }

  /**
   * Runs `work` in one transaction and resolves when it is committed; nothing of it stays if it fails. `work` waits for
   * nothing but the transaction.
   * @throws TidingsError `storage`.
   */
  async run<T, Mode extends 'readonly' | 'readwrite'>(
    stores: StoreNames<Schema>[],
    mode: Mode,
    work: (transaction: Transaction<Schema, Mode>) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#run(stores, mode, work);
    } catch (error) {
      if (error instanceof TidingsError) throw error;
      throw TidingsError.of('storage', error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** Waits for transactions that run. Whoever calls `run` afterwards is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const database = await this.#database?.catch(() => undefined);
    database?.close();
  }

  async #run<T, Mode extends 'readonly' | 'readwrite'>(
    stores: StoreNames<Schema>[],
    mode: Mode,
    work: (transaction: Transaction<Schema, Mode>) => Promise<T>,
  ): Promise<T> {
    const transaction = await this.#begin(stores, mode);
    const { done } = transaction;
    // Who fails is told by `work`; a transaction that fails on its own, by `done`.
    done.catch(() => undefined);
    try {
      const result = await work(transaction);
      await done;
      return result;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended already.
      }
      throw error;
    }
  }

  async #begin<Mode extends 'readonly' | 'readwrite'>(
    stores: StoreNames<Schema>[],
    mode: Mode,
  ): Promise<Transaction<Schema, Mode>> {
    const opening = this.#open();
    const database = await opening;
    try {
      return database.transaction(stores, mode);
    } catch {
      // It was closed under us: by a newer tab, by the browser, or deleted. Once more with a new connection.
      this.#forget(opening);
      return (await this.#open()).transaction(stores, mode);
    }
  }

  #open(): Promise<IDBPDatabase<Schema>> {
    if (this.#isClosed) return Promise.reject(TidingsError.of('closed'));
    if (this.#database) return this.#database;
    const opening = this.#openInTime();
    this.#database = opening;
    // Another try for the next one.
    opening.catch(() => this.#forget(opening));
    return opening;
  }

  #forget(opening: Promise<unknown>): void {
    if (this.#database === opening) this.#database = undefined;
  }

  async #openInTime(): Promise<IDBPDatabase<Schema>> {
    const { name, upgrades, openTimeoutMs = 5_000 } = this.#options;
    if (typeof indexedDB === 'undefined') throw TidingsError.of('storage', 'there is no IndexedDB here');
    const opening = openDB<Schema>(name, upgrades.length, {
      upgrade(database, oldVersion, _newVersion, transaction) {
        for (const upgrade of upgrades.slice(oldVersion)) upgrade(database, transaction);
      },
      // A newer tab upgrades, or somebody deletes it: it must not wait for us.
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
      },
    });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(TidingsError.of('storage', 'another tab holds an older version open'));
        opening.then(
          (late) => late.close(),
          () => undefined,
        );
      }, openTimeoutMs);
    });
    try {
      return await Promise.race([opening, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}

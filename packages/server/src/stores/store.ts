/**
 * The database: one schema and one set of queries (Kysely) over SQLite and PostgreSQL. Implementations: `sqlite.ts`
 * (`node:sqlite`, a file in the data folder, the default), `postgres.ts`. Conformance: `testStore`.
 *
 * Portable between the two: ids as text, times as Unix milliseconds in bigint, JSON as text, `ON CONFLICT`,
 * `RETURNING`, partial indexes, booleans as 0 and 1. Text is compared by code points (`COLLATE "C"` in PostgreSQL).
 */
import type { DatabaseConnection, Kysely, Transaction } from 'kysely';
import type { Component } from '../component.ts';

export type StoreDialect = 'sqlite' | 'postgres';

/** One step forward of the schema of one owner (`relations`, `chat`). Never edited once released; there is no way back. */
export interface Migration {
  /** Sorts in the order of application: `0001-first-tables`. */
  readonly id: string;
  /** Runs in a transaction of its own. */
  up(db: Kysely<unknown>, dialect: StoreDialect): Promise<void>;
}

export interface MigrationSet {
  readonly owner: string;
  readonly migrations: readonly Migration[];
}

export interface AppliedMigration {
  readonly owner: string;
  readonly id: string;
  /** Unix milliseconds; undefined: not applied yet. */
  readonly appliedAt: number | undefined;
}

/**
 * Law:
 * - What a transaction that resolved has written survives kill -9 of this process and, with `synchronous: full`, a power
 *   cut. One that rejected has written nothing.
 * - Transactions are atomic and isolated from each other: on SQLite they run one after the other; on PostgreSQL at READ
 *   COMMITTED, and one that fails by a deadlock or a serialization failure is run again (`work` is called again, so it
 *   must have no other effects), at most 5 times.
 * - int8 columns and `count` come back as `number`; beyond 2^53 reading is an error, never a rounded value.
 * - A statement that fails dooms its transaction: further ones reject, and so does the transaction, even if `work` caught
 *   the error. Within `work` only `tx` is used: a transaction in a transaction, and on SQLite a write past it, rejects.
 *   Statements of a transaction that are given at once run in that order, on PostgreSQL in one round trip. Those that its
 *   connection was given and nobody waited for belong to it too: if one fails, the transaction rejects with its error.
 * - Parameters are texts without NUL, finite numbers, bigint (64 bits), booleans (1 and 0), bytes and null, on PostgreSQL
 *   also arrays of these; anything else is a `TypeError`. Conditions that are selected come back as 1 and 0.
 * - A database that cannot be reached rejects with `StoreUnavailableError`, soon, and works again when it is back,
 *   without a restart. Whether a transaction that was committing was written is then unknown to the caller.
 * - `notify` reaches every process on the database, this one too (on SQLite only this one), after the transaction it was
 *   called in has committed; not at all if that rejects. The same twice in one transaction may arrive once; a payload of
 *   8,000 bytes or more arrives empty. It is a hint: it may be lost when a connection breaks, after which `onNotify`
 *   listeners get the topic with an empty payload once the connection is back.
 * - `stop` lets what was begun finish, for as long as the timeout at most; what comes later rejects.
 */
export interface Store extends Component {
  readonly dialect: StoreDialect;
  /** Queries outside a transaction. The caller says which tables it knows. */
  database<Tables>(): Kysely<Tables>;
  transaction<Tables, T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>;
  /** Applies what is missing, one process at a time. @throws if the database has migrations this program does not know. */
  migrate(sets: readonly MigrationSet[]): Promise<void>;
  /** What is applied and what is missing, in order. */
  migrationStatus(sets: readonly MigrationSet[]): Promise<readonly AppliedMigration[]>;
  /** @param tx the transaction it belongs to; without one it is sent at once. */
  notify(topic: string, payload: string, tx?: Transaction<never>): Promise<void>;
  /** @returns takes the listener off. */
  onNotify(topic: string, listener: (payload: string) => void): () => void;
}

/** A column whose value is a parameter. */
export interface BoundColumn {
  readonly name: string;
  /** How it was declared. */
  readonly kind: 'text' | 'int';
}

/** What a transaction of the store runs on. */
export interface BatchConnection extends DatabaseConnection {
  /**
   * Runs a statement of a transaction with each of the parameters, one after the other: where that costs least (SQLite).
   * @returns the rows of all runs.
   */
  executeRuns?(sql: string, runs: readonly (readonly unknown[])[]): Promise<Record<string, unknown>[]>;
  /**
   * The same with rows of which it takes these columns, in the order of its parameters; for statements that return nothing.
   * For one text of a statement the columns are always the same.
   */
  executeRows?(sql: string, columns: readonly BoundColumn[], rows: readonly object[]): Promise<void>;
  /**
   * A number that grows with every statement of this process, also of other transactions, that writes to one of the tables
   * in another way than by `executeRuns` and `executeRows`. So who keeps rows in memory, and writes them by these, sees that
   * somebody else has written. Absent where that cannot be known.
   */
  writesTo?(tables: readonly string[]): number;
}

/** The database cannot be reached or does not answer. The same may work later. */
export class StoreUnavailableError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreUnavailableError';
  }
}

/** The disk is full, or the database is read-only: nothing can be written, reading works. */
export class StoreFullError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StoreFullError';
  }
}

/** Whether a row could not be written because another one has the same key: of a unique index or the primary key. */
export function isUniqueViolation(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  // PostgreSQL: unique_violation. SQLite: SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY.
  return code === '23505' || (code === 'ERR_SQLITE_ERROR' && (errcode === 2067 || errcode === 1555));
}

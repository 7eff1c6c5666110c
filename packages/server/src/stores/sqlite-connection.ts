/** One connection of `node:sqlite`: settings, prepared statements, parameters, errors. Everything here is synchronous. */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { sqliteParameters } from './parameters.ts';
import { rowBinder, type RowBinder } from './row-binder.ts';
import { rowMaker, type RowMaker } from './row-maker.ts';
import { fromSqliteError } from './sqlite-error.ts';
import type { BoundColumn } from './store.ts';

/** Statements kept prepared; those used longest ago go first. */
const maxStatements = 500;
/** Longer ones hold many rows at once, and rarely as many again. */
const maxKeptLength = 8_192;
/** Pages in the write-ahead log before they are copied to the file: a page that many commits change is copied once. */
const checkpointPages = 4_000;
/** Waiting for a lock stops the whole process, so only a moment; who needs more waits outside. */
const lockTimeoutMs = 20;

export interface SqliteConnectionOptions {
  readonly file: string;
  readonly readOnly: boolean;
  /** What a commit waits for; see `store.synchronous` of the configuration. */
  readonly synchronous: 'full' | 'normal' | 'off';
}

export interface SqliteResult {
  readonly rows: Record<string, unknown>[];
  /** Rows written; undefined for a statement that returns rows. */
  readonly changes: bigint | undefined;
}

interface Prepared {
  readonly statement: StatementSync;
  /** Columns of a statement that returns rows; 0 for others. */
  columns: number;
  toRow: RowMaker;
  /** Made when it first runs with rows. */
  bind: RowBinder | undefined;
  /** Tables that it writes to. */
  readonly writesTo: ReadonlySet<string>;
}

export class SqliteConnection {
  readonly file: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();
  /** How many statements of `execute` have written, by table. */
  readonly #writes = new Map<string, number>();
  /** What ran last: often the same runs again. */
  #last: { readonly sql: string; readonly prepared: Prepared } | undefined;

  /** @throws StoreUnavailableError, StoreFullError; Error of SQLite for a file that is no database. */
  constructor({ file, readOnly, synchronous }: SqliteConnectionOptions) {
    this.file = file;
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(file, { readOnly, timeout: lockTimeoutMs });
      if (!readOnly) db.exec('PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864');
      if (!readOnly) db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
      // As in PostgreSQL, LIKE tells A from a.
      db.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA case_sensitive_like = ON; PRAGMA cache_size = -16000`);
    } catch (error) {
      db?.close();
      throw fromSqliteError(error, file);
    }
    this.#db = db;
  }

  get inTransaction(): boolean {
    return this.#db.isOpen && this.#db.isTransaction;
  }

  /**
   * Runs one statement to its end.
   * @throws StoreUnavailableError, StoreFullError, TypeError for a parameter that is none, RangeError for an integer
   *   beyond 2^53 in a row, Error of SQLite (with `errcode`) for what is wrong with the statement.
   */
  execute(sql: string, parameters: readonly unknown[] = []): SqliteResult {
    const bound = sqliteParameters(parameters);
    try {
      const prepared = this.#prepare(sql);
      for (const table of prepared.writesTo) this.#writes.set(table, (this.#writes.get(table) ?? 0) + 1);
      if (prepared.columns > 0) return { rows: readRows(prepared, bound), changes: undefined };
      return { rows: [], changes: BigInt(prepared.statement.run(...bound).changes) };
    } catch (error) {
      throw fromSqliteError(error, this.file);
    }
  }

  /**
   * Runs one statement to its end with each of the parameters.
   * @returns the rows of all runs.
   * @throws as `execute`; what came before the run that failed is done.
   */
  executeRuns(sql: string, runs: readonly (readonly unknown[])[]): Record<string, unknown>[] {
    const rows: Record<string, unknown>[] = [];
    try {
      const prepared = this.#prepare(sql);
      for (const parameters of runs) {
        const bound = sqliteParameters(parameters);
        if (prepared.columns === 0) prepared.statement.run(...bound);
        else for (const row of readRows(prepared, bound)) rows.push(row);
      }
    } catch (error) {
      throw fromSqliteError(error, this.file);
    }
    return rows;
  }

  /**
   * Runs one statement that returns nothing to its end with each of the rows. @param columns the same for each text.
   * @throws as `executeRuns`.
   */
  executeRows(sql: string, columns: readonly BoundColumn[], rows: readonly object[]): void {
    try {
      const prepared = this.#prepare(sql);
      const bind = (prepared.bind ??= rowBinder(columns));
      for (const row of rows) bind(prepared.statement, row);
    } catch (error) {
      throw fromSqliteError(error, this.file);
    }
  }

  /** How many statements of `execute` have written to these tables, or have tried to. */
  writesTo(tables: readonly string[]): number {
    return tables.reduce((sum, table) => sum + (this.#writes.get(table) ?? 0), 0);
  }

  close(): void {
    this.#statements.clear();
    this.#last = undefined;
    if (this.#db.isOpen) this.#db.close();
  }

  #prepare(sql: string): Prepared {
    if (this.#last?.sql === sql) return this.#last.prepared;
    let prepared = this.#statements.get(sql);
    if (prepared) {
      this.#statements.delete(sql);
    } else {
      const statement = this.#db.prepare(sql);
      const names = statement.columns().map(({ name }) => name);
      if (names.length > 0) statement.setReturnArrays(true);
      prepared = {
        statement,
        columns: names.length,
        toRow: rowMaker(names),
        bind: undefined,
        writesTo: writtenIn(sql),
      };
      if (sql.length > maxKeptLength) return prepared;
      const [oldest] = this.#statements.keys();
      if (this.#statements.size >= maxStatements && oldest !== undefined) this.#statements.delete(oldest);
    }
    // The map's order is the order of use.
    this.#statements.set(sql, prepared);
    this.#last = { sql, prepared };
    return prepared;
  }
}

/** Tables that a statement writes to, by its words: rather one too many. Triggers are not seen through. */
function writtenIn(sql: string): ReadonlySet<string> {
  const words = /\b(?:(?:insert|replace)(?:\s+or\s+\w+)?\s+into|update(?:\s+or\s+\w+)?|delete\s+from)\s+["`[]?(\w+)/gi;
  return new Set(Array.from(sql.matchAll(words), ([, table = '']) => table.toLowerCase()));
}

function readRows(prepared: Prepared, bound: readonly SQLInputValue[]): Record<string, unknown>[] {
  const all = prepared.statement.all(...bound) as unknown as unknown[][];
  const [first] = all;
  // SQLite prepares a statement anew when a table has changed: `*` may stand for more than before.
  if (first && first.length !== prepared.columns) {
    const names = prepared.statement.columns().map(({ name }) => name);
    prepared.columns = names.length;
    prepared.toRow = rowMaker(names);
  }
  return all.map(prepared.toRow);
}

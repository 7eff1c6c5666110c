/** Kysely over `SqliteDatabase`: says which statement reads and which writes, and what a transaction is. */
import {
  type CompiledQuery,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { SqliteResult } from './sqlite-connection.ts';
import type { SqliteDatabase, WriteTurn } from './sqlite-database.ts';
import type { BatchConnection, BoundColumn } from './store.ts';
import type { TransactionScope } from './transaction-scope.ts';

export interface SqliteDialectOptions {
  readonly database: SqliteDatabase;
  readonly scope: TransactionScope;
  /** Told what a transaction wanted to notify, after it has committed. */
  readonly committed: (notifications: readonly string[]) => void;
}

export function sqliteDialect(options: SqliteDialectOptions): Dialect {
  return {
    createDriver: () => new SqliteDriver(options),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new ManyConnections(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  };
}

/** Who writes waits in `SqliteDatabase`; Kysely's own queue would hold up readers too. */
class ManyConnections extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** What Kysely takes for a connection. Costs nothing: it has a connection of the database only within a transaction. */
export class SqliteSession implements BatchConnection {
  readonly #options: SqliteDialectOptions;
  #turn: WriteTurn | undefined;
  /** What the first statement of the transaction that failed has thrown. */
  #failure: { readonly error: unknown } | undefined;
  #notifications: string[] = [];

  constructor(options: SqliteDialectOptions) {
    this.#options = options;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const result = this.#turn ? this.#executeWithin(this.#turn, query) : await this.#executeAlone(query);
    const rows = result.rows as Row[];
    return result.changes === undefined ? { rows } : { rows, numAffectedRows: result.changes };
  }

  /** Within a transaction only. */
  async executeRuns(sql: string, runs: readonly (readonly unknown[])[]): Promise<Record<string, unknown>[]> {
    const turn = this.#turnOf('a statement is run with many parameters');
    return this.#within(() => turn.connection.executeRuns(sql, runs));
  }

  /** Within a transaction only. */
  async executeRows(sql: string, columns: readonly BoundColumn[], rows: readonly object[]): Promise<void> {
    const turn = this.#turnOf('a statement is run with many rows');
    this.#within(() => turn.connection.executeRows(sql, columns, rows));
  }

  writesTo(tables: readonly string[]): number {
    return this.#turnOf('writes are counted').connection.writesTo(tables);
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('rows are not streamed: read pages by key');
  }

  async begin(): Promise<void> {
    const { database } = this.#options;
    const turn = await database.takeTurn();
    try {
      await database.whenFree(() => turn.connection.execute('BEGIN IMMEDIATE'));
    } catch (error) {
      turn.end();
      throw error;
    }
    this.#turn = turn;
    this.#failure = undefined;
    this.#notifications = [];
  }

  /** @throws what made it fail; it is then still to be rolled back. */
  commit(): void {
    if (this.#failure) throw this.#failure.error;
    this.#turn?.connection.execute('COMMIT');
    const notifications = this.#notifications;
    this.endTurn();
    if (notifications.length > 0) this.#options.committed(notifications);
  }

  /** Never throws: SQLite forgets what was not committed at the latest when the file is opened again. */
  rollback(): void {
    try {
      // Some errors, such as a full disk, have rolled back already.
      if (this.#turn?.connection.inTransaction === true) this.#turn.connection.execute('ROLLBACK');
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  endTurn(): void {
    this.#turn?.end();
    this.#turn = undefined;
    this.#failure = undefined;
    this.#notifications = [];
  }

  /** Keeps a notification until the commit. @returns false outside of a transaction. */
  notify(encoded: string): boolean {
    if (!this.#turn) return false;
    this.#notifications.push(encoded);
    return true;
  }

  #turnOf(what: string): WriteTurn {
    if (!this.#turn) throw new Error(`${what} within a transaction only`);
    return this.#turn;
  }

  #executeWithin(turn: WriteTurn, { sql, parameters }: CompiledQuery): SqliteResult {
    return this.#within(() => turn.connection.execute(sql, parameters));
  }

  #within<T>(run: () => T): T {
    // SQLite would go on after a failed statement, and even without the transaction if that was rolled back.
    if (this.#failure) throw new Error('the transaction has failed before', { cause: this.#failure.error });
    try {
      return run();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  #executeAlone(query: CompiledQuery): Promise<SqliteResult> {
    const { database, scope } = this.#options;
    if (isRead(query) && !database.inMemory) return database.read(query.sql, query.parameters);
    scope.assertOutside('a statement past the transaction');
    return database.write(query.sql, query.parameters);
  }
}

/** Whether a statement only reads. In doubt it writes: that is right for every statement, only slower. */
function isRead({ query, sql }: CompiledQuery): boolean {
  if (query.kind === 'SelectQueryNode') return true;
  return query.kind === 'RawNode' && /^\s*(select|values)\b/i.test(sql);
}

class SqliteDriver implements Driver {
  readonly #options: SqliteDialectOptions;

  constructor(options: SqliteDialectOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteSession> {
    return new SqliteSession(this.#options);
  }

  async beginTransaction(session: SqliteSession): Promise<void> {
    await session.begin();
  }

  async commitTransaction(session: SqliteSession): Promise<void> {
    session.commit();
  }

  async rollbackTransaction(session: SqliteSession): Promise<void> {
    session.rollback();
  }

  async releaseConnection(session: SqliteSession): Promise<void> {
    session.endTurn();
  }

  async destroy(): Promise<void> {}
}

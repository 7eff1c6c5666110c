/** Kysely over a pool of `pg`: time limits, statements prepared when they turn out to be frequent, errors of the store. */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { QueryConfig } from 'pg';
import { postgresParameters } from './parameters.ts';
import { fromPostgresError, isRetryable, isStalePlan } from './postgres-error.ts';
import type { PostgresAnswer } from './postgres-connection.ts';
import type { PoolPlace, PostgresPool } from './postgres-pool.ts';
import { StoreUnavailableError } from './store.ts';
import type { Attempt, TransactionScope } from './transaction-scope.ts';

export interface PostgresDialectOptions {
  /** @throws StoreUnavailableError before the start and after the stop. */
  readonly pool: () => PostgresPool;
  readonly scope: TransactionScope;
  /** Host and database for error messages. */
  readonly where: string;
}

export function postgresDialect(options: PostgresDialectOptions): Dialect {
  return {
    createDriver: () => new PostgresDriver(options),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createAdapter: () => new PostgresAdapter(),
    createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
  };
}

/**
 * A connection of the pool, held for one statement or for a transaction. Every answer that is waited for is time in which
 * rooms are locked, so what need not be waited for is not: reads go out along with BEGIN, COMMIT along with writes.
 */
class PostgresSession implements DatabaseConnection {
  readonly #place: PoolPlace;
  readonly #where: string;
  #attempt: Attempt | undefined;
  /** Resolves when the server has begun the transaction; undefined: there is none. */
  #begun: Promise<void> | undefined;
  /** Statements wait for `#begun`: one that writes has come, and none may overtake it. */
  #waits = false;
  #inTransaction = false;
  /** The outcome of the latest statement of the transaction; those before it are known when it is. */
  #latest: Promise<unknown> | undefined;
  /** What the first statement of the transaction that failed has thrown. */
  #failure: { readonly error: unknown } | undefined;
  /** Not to be used again: broken, or in a state that nobody knows. */
  #spent = false;

  constructor(place: PoolPlace, where: string) {
    this.#place = place;
    this.#where = where;
  }

  executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const outcome = this.#execute<Row>(query);
    if (this.#inTransaction) this.#latest = outcome;
    return outcome;
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('rows are not streamed: read pages by key');
  }

  /** Does not wait for the server. If it refuses, so does it every statement, and the commit. */
  begin(attempt: Attempt | undefined): void {
    this.#attempt = attempt;
    this.#inTransaction = true;
    this.#begun = this.#begin(attempt);
    this.#begun.catch(() => {});
  }

  /**
   * Also of statements whose outcome nobody has waited for.
   * @throws what made it fail; it is then still to be rolled back.
   */
  async commit(): Promise<void> {
    await this.#begun;
    this.#assertSound();
    try {
      const [{ command }] = await Promise.all([this.#send({ text: 'commit' }), this.#latest?.catch(() => {})]);
      this.#inTransaction = false;
      // After a statement has failed, the server has rolled back instead.
      this.#assertSound();
      if (command === 'ROLLBACK') throw new Error('the transaction was rolled back');
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Never throws: a connection that cannot roll back is closed, which does. */
  async rollback(): Promise<void> {
    await this.#begun?.catch(() => {});
    if (this.#spent || !this.#inTransaction) return;
    try {
      await this.#send({ text: 'rollback' });
      this.#inTransaction = false;
    } catch {
      this.#spent = true;
    }
  }

  release(): void {
    this.#place.leave(this.#spent || this.#inTransaction);
  }

  async #begin(attempt: Attempt | undefined): Promise<void> {
    try {
      const begun = this.#send({ text: 'begin isolation level read committed' });
      if (attempt?.unlimited === true) {
        void this.#send({ text: 'set local statement_timeout = 0' }).catch(() => {});
        await this.#send({ text: 'set local idle_in_transaction_session_timeout = 0' });
      }
      await begun;
    } catch (error) {
      this.#spent = true;
      const failure = fromPostgresError(error, this.#where);
      this.#failure = { error: failure };
      // The server had closed a connection that was idle. Not so when it does not answer: that took its time.
      if (attempt && failure instanceof StoreUnavailableError && !isTimeout(error)) attempt.retryable = true;
      throw failure;
    }
  }

  async #execute<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    if (this.#failure) throw new Error('the transaction has failed before', { cause: this.#failure.error });
    // Outside a transaction, a read does no harm if BEGIN should fail; a write would stand.
    if (this.#begun && (this.#waits ||= !isRead(sql))) await this.#begun;
    try {
      const result = await this.#query(sql, postgresParameters(parameters));
      const rows = result.rows as Row[];
      return writes(result.command) ? { rows, numAffectedRows: BigInt(result.rowCount ?? 0) } : { rows };
    } catch (error) {
      await this.#begun;
      throw this.#failed(error);
    }
  }

  async #query(text: string, values: unknown[]): Promise<PostgresAnswer> {
    const name = this.#place.connection.names.nameOf(text);
    try {
      return await this.#send(name === undefined ? { text, values } : { name, text, values });
    } catch (error) {
      if (!isStalePlan(error)) throw error;
      this.#spent = true;
      if (this.#inTransaction) throw error;
      return this.#send({ text, values });
    }
  }

  #send(query: QueryConfig): Promise<PostgresAnswer> {
    return this.#place.connection.send(query, this.#attempt?.unlimited === true);
  }

  /** @throws what the first statement that failed has thrown. */
  #assertSound(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #failed(cause: unknown): unknown {
    const error = fromPostgresError(cause, this.#where);
    if (error instanceof StoreUnavailableError) this.#spent = true;
    if (this.#inTransaction && !this.#failure) {
      this.#failure = { error };
      if (this.#attempt) this.#attempt.retryable = isRetryable(cause);
    }
    return error;
  }
}

/** In doubt it writes. */
function isRead(sql: string): boolean {
  return /^\s*(select|values)\b/i.test(sql);
}

function writes(command: string): boolean {
  return command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
}

/** The words of `pg`, which has no codes for them, and ours. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && /timeout/i.test(error.message);
}

class PostgresDriver implements Driver {
  readonly #options: PostgresDialectOptions;

  constructor(options: PostgresDialectOptions) {
    this.#options = options;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PostgresSession> {
    const { pool, where } = this.#options;
    try {
      return new PostgresSession(await pool().enter(), where);
    } catch (error) {
      throw fromPostgresError(error, where);
    }
  }

  async beginTransaction(session: PostgresSession): Promise<void> {
    session.begin(this.#options.scope.current);
  }

  async commitTransaction(session: PostgresSession): Promise<void> {
    await session.commit();
  }

  async rollbackTransaction(session: PostgresSession): Promise<void> {
    await session.rollback();
  }

  async releaseConnection(session: PostgresSession): Promise<void> {
    session.release();
  }

  async destroy(): Promise<void> {}
}

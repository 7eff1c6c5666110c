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
import type { PoolPlace, PostgresPool } from './postgres-pool.ts';
import { StoreUnavailableError } from './store.ts';
import type { Attempt, TransactionScope } from './transaction-scope.ts';

/** What a timer can wait for at most; `pg` takes 0 for "as configured". */
const unlimitedMs = 2_147_483_647;

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

/** A connection of the pool, held for one statement or for a transaction. */
class PostgresSession implements DatabaseConnection {
  readonly #place: PoolPlace;
  readonly #where: string;
  #attempt: Attempt | undefined;
  #inTransaction = false;
  /** What the first statement of the transaction that failed has thrown. */
  #failure: { readonly error: unknown } | undefined;
  /** Not to be used again: broken, or in a state that nobody knows. */
  #spent = false;

  constructor(place: PoolPlace, where: string) {
    this.#place = place;
    this.#where = where;
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    if (this.#failure) throw new Error('the transaction has failed before', { cause: this.#failure.error });
    try {
      const result = await this.#query(sql, postgresParameters(parameters));
      const rows = result.rows as Row[];
      return writes(result.command) ? { rows, numAffectedRows: BigInt(result.rowCount ?? 0) } : { rows };
    } catch (error) {
      throw this.#failed(error);
    }
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('rows are not streamed: read pages by key');
  }

  async begin(attempt: Attempt | undefined): Promise<void> {
    this.#attempt = attempt;
    try {
      await this.#place.client.query('begin isolation level read committed');
      this.#inTransaction = true;
      if (attempt?.unlimited === true) {
        await this.#place.client.query(
          'set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0',
        );
      }
    } catch (error) {
      this.#spent = true;
      const failure = fromPostgresError(error, this.#where);
      // The server had closed a connection that was idle. Not so when it does not answer: that took its time.
      if (attempt && failure instanceof StoreUnavailableError && !isTimeout(error)) attempt.retryable = true;
      throw failure;
    }
  }

  /** @throws what made it fail; it is then still to be rolled back. */
  async commit(): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    try {
      const { command } = await this.#place.client.query('commit');
      if (command === 'ROLLBACK') throw new Error('the transaction was rolled back');
      this.#inTransaction = false;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Never throws: a connection that cannot roll back is closed, which does. */
  async rollback(): Promise<void> {
    if (this.#spent) return;
    try {
      await this.#place.client.query('rollback');
      this.#inTransaction = false;
    } catch {
      this.#spent = true;
    }
  }

  release(): void {
    this.#place.leave(this.#spent || this.#inTransaction);
  }

  async #query(
    text: string,
    values: unknown[],
  ): Promise<{ command: string; rowCount: number | null; rows: unknown[] }> {
    const name = this.#place.names.nameOf(text);
    const config: QueryConfig & { query_timeout?: number } = { text, values };
    if (name !== undefined) config.name = name;
    if (this.#attempt?.unlimited === true) config.query_timeout = unlimitedMs;
    try {
      return await this.#place.client.query(config);
    } catch (error) {
      if (!isStalePlan(error)) throw error;
      this.#spent = true;
      if (this.#inTransaction) throw error;
      return this.#place.client.query({ text, values });
    }
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

function writes(command: string): boolean {
  return command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
}

/** The words of `pg`, which has no codes for them. */
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
    await session.begin(this.#options.scope.current);
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

/** The store in PostgreSQL, for production and for several nodes. Needs the package `pg`. */
import { Kysely, sql, type Transaction } from 'kysely';
import type { ClientConfig } from 'pg';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { backoffMs } from '../lib/retry.ts';
import { migrate, migrationStatus } from './migrator.ts';
import { encodeNotification, TopicListeners, type NotifyListener } from './notifications.ts';
import { postgresDialect } from './postgres-dialect.ts';
import { fromPostgresError } from './postgres-error.ts';
import { notificationChannel, PostgresNotifications } from './postgres-notifications.ts';
import { PostgresPool } from './postgres-pool.ts';
import { postgresTypes } from './postgres-types.ts';
import { type AppliedMigration, type MigrationSet, type Store, StoreUnavailableError } from './store.ts';
import { Attempt, TransactionScope } from './transaction-scope.ts';

/** Further attempts at a transaction after a deadlock. */
const maxRetries = 5;
/** A node that is gone without a word must not hold its locks for longer. */
const idleInTransactionMs = 60_000;

export interface PostgresStoreOptions {
  /** `postgres://user:password@host/database`, with the parameters that `pg` knows. */
  readonly url: string;
  /** At most; one more listens to notifications. */
  readonly maxConnections: number;
  /** A connection, and each statement, takes this long at most. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class PostgresStore implements Store {
  readonly name = 'store';
  readonly dialect = 'postgres';
  readonly #options: PostgresStoreOptions;
  readonly #where: string;
  readonly #scope = new TransactionScope();
  readonly #listeners: TopicListeners;
  readonly #kysely: Kysely<unknown>;
  #pool: PostgresPool | undefined;
  #notifications: PostgresNotifications | undefined;
  #stopped = false;

  /** @throws Error for a URL that is none; it does not say the password. */
  constructor(options: PostgresStoreOptions) {
    this.#options = options;
    this.#where = placeOf(options.url);
    this.#listeners = new TopicListeners(options.logger);
    this.#kysely = new Kysely({
      dialect: postgresDialect({ pool: () => this.#openPool(), scope: this.#scope, where: this.#where }),
    });
  }

  /** @throws StoreUnavailableError if the database cannot be reached; Error if `pg` is not installed. */
  async start(): Promise<void> {
    const pg = await importPg();
    const { clock, logger, maxConnections, timeoutMs } = this.#options;
    const config = this.#config(postgresTypes(pg.types));
    const notifications = new PostgresNotifications({
      newClient: (clientConfig) => new pg.Client(clientConfig),
      config: { ...config, query_timeout: timeoutMs },
      listeners: this.#listeners,
      clock,
      logger,
    });
    try {
      await notifications.start();
    } catch (error) {
      throw fromPostgresError(error, this.#where);
    }
    this.#pool = new PostgresPool((poolConfig) => new pg.Pool(poolConfig), {
      config,
      maxConnections,
      timeoutMs,
      clock,
    });
    this.#notifications = notifications;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#listeners.clear();
    await this.#notifications?.stop();
    await this.#pool?.close();
  }

  database<Tables>(): Kysely<Tables> {
    return this.#kysely as Kysely<Tables>;
  }

  transaction<Tables, T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return this.#transaction(work, false);
  }

  migrate(sets: readonly MigrationSet[]): Promise<void> {
    const { dialect } = this;
    return migrate(
      {
        dialect,
        database: <Tables>() => this.database<Tables>(),
        transaction: <Tables, T>(work: (tx: Transaction<Tables>) => Promise<T>) => this.#transaction(work, true),
      },
      sets,
      this.#options.clock,
    );
  }

  migrationStatus(sets: readonly MigrationSet[]): Promise<readonly AppliedMigration[]> {
    return migrationStatus(this, sets);
  }

  async notify(topic: string, payload: string, tx?: Transaction<never>): Promise<void> {
    const encoded = encodeNotification(topic, payload);
    await sql`select pg_notify(${notificationChannel}, ${encoded})`.execute(tx ?? this.#kysely);
  }

  onNotify(topic: string, listener: NotifyListener): () => void {
    return this.#listeners.add(topic, listener);
  }

  async #transaction<Tables, T>(work: (tx: Transaction<Tables>) => Promise<T>, unlimited: boolean): Promise<T> {
    this.#scope.assertOutside('a transaction');
    for (let failures = 1; ; failures++) {
      const attempt = new Attempt(unlimited);
      try {
        return await this.#scope.run(attempt, () => this.database<Tables>().transaction().execute(work));
      } catch (error) {
        if (!attempt.retryable || failures > maxRetries) throw error;
      }
      const waitMs = backoffMs(failures, { minMs: 4, maxMs: 250 });
      await new Promise<void>((resolve) => this.#options.clock.setTimeout(resolve, waitMs));
    }
  }

  #openPool(): PostgresPool {
    if (this.#pool && !this.#stopped) return this.#pool;
    throw new StoreUnavailableError(`the database at ${this.#where} is ${this.#stopped ? 'closed' : 'not open yet'}`);
  }

  #config(types: NonNullable<ClientConfig['types']>): ClientConfig {
    const { url, timeoutMs } = this.#options;
    return {
      connectionString: url,
      application_name: 'tidings',
      connectionTimeoutMillis: timeoutMs,
      statement_timeout: timeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionMs,
      keepAlive: true,
      types,
    };
  }
}

/** Host, port and database of a URL: what may stand in logs. @throws Error that does not say the URL. */
function placeOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // Its error would hold the URL, and the password with it.
    throw new Error('store.url is no URL; valid: postgres://user:password@host:port/database');
  }
  return `${parsed.host === '' ? 'the local socket' : parsed.host}${parsed.pathname}`;
}

async function importPg() {
  try {
    return (await import('pg')).default;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new Error('store.url names a PostgreSQL database, for which the package pg is missing: npm install pg', {
      cause,
    });
  }
}

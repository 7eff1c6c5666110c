/** The store in a SQLite file, the embedded default: for one serving process. Other processes may read and migrate. */
import { Kysely, type Transaction } from 'kysely';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { migrate, migrationStatus } from './migrator.ts';
import { encodeNotification, TopicListeners, type NotifyListener } from './notifications.ts';
import { SqliteDatabase } from './sqlite-database.ts';
import { sqliteDialect, SqliteSession } from './sqlite-dialect.ts';
import type { AppliedMigration, MigrationSet, Store } from './store.ts';
import { Attempt, TransactionScope } from './transaction-scope.ts';

export interface SqliteStoreOptions {
  /** Made if it is not there; `:memory:` for one that ends with the process. */
  readonly file: string;
  /** What a commit waits for. `off`: for nothing, so a power cut may destroy the file; for tests. */
  readonly synchronous: 'full' | 'normal' | 'off';
  /** How long to wait for one's turn, or for another process that writes. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class SqliteStore implements Store {
  readonly name = 'store';
  readonly dialect = 'sqlite';
  readonly #clock: Clock;
  readonly #database: SqliteDatabase;
  readonly #scope = new TransactionScope();
  readonly #listeners: TopicListeners;
  readonly #kysely: Kysely<unknown>;
  #stopped = false;

  constructor(options: SqliteStoreOptions) {
    this.#clock = options.clock;
    this.#database = new SqliteDatabase(options);
    this.#listeners = new TopicListeners(options.logger);
    this.#kysely = new Kysely({
      dialect: sqliteDialect({
        database: this.#database,
        scope: this.#scope,
        committed: (notifications) => this.#tell(notifications),
      }),
    });
  }

  start(): Promise<void> {
    return this.#database.open();
  }

  async stop(): Promise<void> {
    await this.#database.close();
    this.#stopped = true;
    this.#listeners.clear();
  }

  database<Tables>(): Kysely<Tables> {
    return this.#kysely as Kysely<Tables>;
  }

  async transaction<Tables, T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T> {
    this.#scope.assertOutside('a transaction');
    return this.#scope.run(new Attempt(), () => this.database<Tables>().transaction().execute(work));
  }

  migrate(sets: readonly MigrationSet[]): Promise<void> {
    return migrate(this, sets, this.#clock);
  }

  migrationStatus(sets: readonly MigrationSet[]): Promise<readonly AppliedMigration[]> {
    return migrationStatus(this, sets);
  }

  async notify(topic: string, payload: string, tx?: Transaction<never>): Promise<void> {
    const encoded = encodeNotification(topic, payload);
    if (!tx) return this.#tell([encoded]);
    const kept = await tx
      .getExecutor()
      .provideConnection(async (session) => session instanceof SqliteSession && session.notify(encoded));
    if (!kept) throw new Error('notify was given a transaction that is none of this store, or has ended');
  }

  onNotify(topic: string, listener: NotifyListener): () => void {
    return this.#listeners.add(topic, listener);
  }

  /** Later in this turn: whoever committed has nothing to do with what listeners do. */
  #tell(notifications: readonly string[]): void {
    this.#scope.outside(() =>
      queueMicrotask(() => {
        if (this.#stopped) return;
        for (const encoded of notifications) this.#listeners.tell(encoded);
      }),
    );
  }
}

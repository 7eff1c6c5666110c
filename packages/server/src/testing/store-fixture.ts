/** A store under test on a database of its own, with a few tables. */
import { sql, type Kysely } from 'kysely';
import { expect } from 'vitest';
import type { Migration, MigrationSet, Store } from '../stores/store.ts';

export interface TestDatabase {
  /** Makes one more store on this database, not started: another process, as it were. */
  open(): Store;
  /** Takes the database away as a crash of it would, and brings it back. Undefined: it cannot go away. */
  readonly outage?: { begin(): Promise<void>; end(): Promise<void> };
  /** Removes the database; the stores are stopped. */
  remove(): Promise<void>;
}

/** Makes an empty database. */
export type StoreFactory = () => Promise<TestDatabase>;

export interface FixtureTables {
  counters: { name: string; value: number | bigint };
  entries: { counter: string; seq: number; body: string };
  samples: {
    id: string;
    whole: number | bigint | boolean | null;
    real: number | null;
    words: string | number | null;
    bytes: Uint8Array | null;
  };
}

const firstTables: Migration = {
  id: '0001-fixture',
  async up(db, dialect) {
    const pg = dialect === 'postgres';
    const text = pg ? sql`text collate "C"` : sql`text`;
    await sql`create table counters (name ${text} primary key, value bigint not null)`.execute(db);
    await sql`
      create table entries (
        counter ${text} not null references counters (name), seq bigint not null, body ${text} not null,
        primary key (counter, seq)
      )`.execute(db);
    await sql`
      create table samples (
        id ${text} primary key, whole bigint, real ${pg ? sql`double precision` : sql`real`}, words ${text},
        bytes ${pg ? sql`bytea` : sql`blob`}
      )`.execute(db);
    await sql`create unique index samples_words on samples (words) where whole = 1`.execute(db);
  },
};

export const fixtureTables: MigrationSet = { owner: 'fixture', migrations: [firstTables] };

/** Started stores on one database. Use with `await using`. */
export class StoreFixture {
  readonly database: TestDatabase;
  readonly store: Store;
  readonly #opened: Store[];

  private constructor(database: TestDatabase, store: Store) {
    this.database = database;
    this.store = store;
    this.#opened = [store];
  }

  /** One started store; with the fixture's tables, unless `empty`. */
  static async start(factory: StoreFactory, { empty = false } = {}): Promise<StoreFixture> {
    const database = await factory();
    const fixture = new StoreFixture(database, database.open());
    await fixture.store.start();
    if (!empty) await fixture.store.migrate([fixtureTables]);
    return fixture;
  }

  get db(): Kysely<FixtureTables> {
    return this.store.database<FixtureTables>();
  }

  /** One more, started. */
  async another(): Promise<Store> {
    const store = this.database.open();
    this.#opened.push(store);
    await store.start();
    return store;
  }

  async addCounter(name: string, value: number | bigint = 0): Promise<void> {
    await this.db.insertInto('counters').values({ name, value }).execute();
  }

  /** As another process sees them. */
  async counters(store: Store = this.store): Promise<Record<string, unknown>> {
    const rows = await store.database<FixtureTables>().selectFrom('counters').selectAll().orderBy('name').execute();
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#opened) await store.stop();
    await this.database.remove();
  }
}

/** Adds one to a counter and writes the entry of that number: what a chat does for every message. */
export async function append(store: Store, counter: string, body: string): Promise<number> {
  return store.transaction<FixtureTables, number>(async (tx) => {
    const { value } = await tx
      .updateTable('counters')
      .set((column) => ({ value: column('value', '+', 1) }))
      .where('name', '=', counter)
      .returning('value')
      .executeTakeFirstOrThrow();
    const seq = Number(value);
    await tx.insertInto('entries').values({ counter, seq, body }).execute();
    return seq;
  });
}

/** Entries of a counter, in order. */
export async function entries(store: Store, counter: string): Promise<{ seq: number; body: string }[]> {
  return store
    .database<FixtureTables>()
    .selectFrom('entries')
    .select(['seq', 'body'])
    .where('counter', '=', counter)
    .orderBy('seq')
    .execute();
}

/** The error that a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) throw new Error(`expected a rejection, got ${JSON.stringify(outcome.value)}`);
  expect(outcome.error).toBeInstanceOf(Error);
  return outcome.error as Error;
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { fixtureTables, rejection, type FixtureTables, type TestDatabase } from '../testing/store-fixture.ts';
import { testStore } from '../testing/store-suite.ts';
import { SqliteStore, type SqliteStoreOptions } from './sqlite.ts';
import { StoreFullError, StoreUnavailableError, type BatchConnection } from './store.ts';

const logger = createLogger('silent');

async function makeDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-store-'));
  const file = join(folder, 'below', 'tidings.sqlite');
  return {
    open: () => new SqliteStore({ file, synchronous: 'off', timeoutMs: 5_000, clock: systemClock, logger }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

testStore('SqliteStore', makeDatabase, {
  skip: [
    { reason: 'one process serves from a file', tests: ['a notification reaches another process on the database'] },
    {
      reason: 'a file does not go away',
      tests: [
        'a database that is away rejects as unavailable, and works again when it is back',
        'an open transaction whose database goes away rejects, and has written nothing',
        'everything acknowledged is there after the database was killed while it wrote',
      ],
    },
  ],
});

describe('SqliteStore', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidings-store-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function open(options: Partial<SqliteStoreOptions> = {}): Promise<SqliteStore & AsyncDisposable> {
    const file = join(folder, 'tidings.sqlite');
    const store = new SqliteStore({
      file,
      synchronous: 'full',
      timeoutMs: 5_000,
      clock: systemClock,
      logger,
      ...options,
    });
    await store.start();
    return Object.assign(store, { [Symbol.asyncDispose]: () => store.stop() });
  }

  test('a column that came later is in the rows of a statement that is kept', async () => {
    await using store = await open();
    const db = store.database();
    await sql`create table grows (a text)`.execute(db);
    await sql`insert into grows values ('a')`.execute(db);
    const read = () => sql`select * from grows`.execute(db);
    expect((await read()).rows).toEqual([{ a: 'a' }]);
    await sql`alter table grows add column b integer default 2`.execute(db);
    await read();
    expect((await read()).rows).toEqual([{ a: 'a', b: 2 }]);
  });

  test('a transaction sees which tables others have written to, in whatever words', async () => {
    await using store = await open();
    const db = store.database();
    await sql`create table kept (a text primary key, b text)`.execute(db);
    await sql`create table other (a text)`.execute(db);
    const within = <T>(work: (connection: BatchConnection) => Promise<T>) =>
      store.transaction((tx) => tx.getExecutor().provideConnection(work));
    const count = () => within(async (connection) => connection.writesTo?.(['kept']));
    const before = await count();
    await sql`insert into other values ('kept')`.execute(db);
    await sql`select * from kept`.execute(db);
    await within(async (connection) => connection.executeRuns?.('insert into kept (a) values (?)', [['own']]));
    expect(await count()).toBe(before);
    const writes = [
      sql`insert into kept (a) values ('x')`,
      sql`INSERT OR IGNORE INTO "kept" (a) VALUES ('x')`,
      sql`replace into kept (a) values ('x')`,
      sql`with one as (select 'y' as a) insert into kept (a) select a from one`,
      sql`update  kept set b = 'b' returning a`,
      sql`Update or replace "kept" set b = 'b'`,
      sql`delete
        from kept where a = 'never'`,
    ];
    for (const [at, write] of writes.entries()) {
      await write.execute(db);
      expect(await count()).toBe((before ?? 0) + at + 1);
    }
    await store.transaction((tx) => sql`delete from kept`.execute(tx));
    expect(await count()).toBe((before ?? 0) + writes.length + 1);
  });

  test('a full disk rejects what writes, reading goes on, and room makes writing work again', async () => {
    await using store = await open();
    await store.migrate([fixtureTables]);
    const db = store.database<FixtureTables>();
    await sql`insert into counters values ('a', 0)`.execute(db);
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db);
    await sql`pragma max_page_count = ${sql.lit(rows[0]?.page_count)}`.execute(db);
    const fill = () =>
      store.transaction<FixtureTables, void>(async (tx) => {
        await sql`update counters set value = value + 1`.execute(tx);
        for (let seq = 1; seq <= 50; seq++) {
          await tx
            .insertInto('entries')
            .values({ counter: 'a', seq, body: 'x'.repeat(10_000) })
            .execute();
        }
      });
    const error = await rejection(fill());
    expect(error).toBeInstanceOf(StoreFullError);
    expect(error.message).toContain(join(folder, 'tidings.sqlite'));
    // SQLite has rolled back by itself: statements after it must not be committed one by one.
    const stubborn = await rejection(
      store.transaction<FixtureTables, void>(async (tx) => {
        await sql`update counters set value = 100`.execute(tx);
        const big = 'x'.repeat(1_000_000);
        await rejection(tx.insertInto('entries').values({ counter: 'a', seq: 1, body: big }).execute());
        await rejection(sql`update counters set value = 200`.execute(tx));
      }),
    );
    expect(stubborn).toBeInstanceOf(StoreFullError);
    expect(await db.selectFrom('counters').select('value').execute()).toEqual([{ value: 0 }]);
    await sql`pragma max_page_count = 100000`.execute(db);
    await fill();
    expect(await db.selectFrom('counters').select('value').execute()).toEqual([{ value: 1 }]);
  });

  test('a file that is no database, or a folder that cannot be, is said by name', async () => {
    const file = join(folder, 'text');
    await writeFile(file, 'this is no database, but a text of some length');
    expect((await rejection(open({ file }))).message).toMatch(/not a database/);
    const below = await rejection(open({ file: join(file, 'below', 'x.sqlite') }));
    expect(below).toBeInstanceOf(StoreUnavailableError);
    expect(below.message).toContain(join(file, 'below'));
  });

  test('a statement that waits for another process does not hold up this one, and is done when that is', async () => {
    await using store = await open();
    await store.migrate([fixtureTables]);
    const other = new DatabaseSync(join(folder, 'tidings.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    const write = sql`insert into counters values ('a', 1)`.execute(store.database());
    let turns = 0;
    const until = performance.now() + 150;
    while (performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      turns++;
    }
    expect(turns).toBeGreaterThan(3);
    expect((await sql`select * from counters`.execute(store.database())).rows).toEqual([]);
    other.exec('COMMIT');
    other.close();
    await write;
    expect((await sql`select * from counters`.execute(store.database())).rows).toEqual([{ name: 'a', value: 1 }]);
  });

  test('another process that never ends its transaction makes writing unavailable, not reading', async () => {
    await using store = await open({ timeoutMs: 100 });
    await store.migrate([fixtureTables]);
    const other = new DatabaseSync(join(folder, 'tidings.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    expect(await rejection(store.transaction(async () => {}))).toBeInstanceOf(StoreUnavailableError);
    expect((await sql`select * from counters`.execute(store.database())).rows).toEqual([]);
    other.close();
    await store.transaction(async () => {});
  });

  test('a write past the transaction one is in is an error, not a deadlock', async () => {
    await using store = await open();
    await store.migrate([fixtureTables]);
    const error = await rejection(
      store.transaction(async () => sql`insert into counters values ('a', 1)`.execute(store.database())),
    );
    expect(error.message).toMatch(/within a transaction/);
    expect((await sql`select * from counters`.execute(store.database())).rows).toEqual([]);
  });

  test('code that awaits one statement after the other leaves others their turn', async () => {
    await using store = await open({ synchronous: 'off' });
    await store.migrate([fixtureTables]);
    for (const statement of [() => store.transaction(async () => {}), () => sql`select 1`.execute(store.database())]) {
      let timerFired = false;
      setTimeout(() => (timerFired = true), 1);
      for (let i = 0; i < 1_000_000 && !timerFired; i++) await statement();
      expect(timerFired).toBe(true);
    }
  });

  test('many readers at once leave others their turn', async () => {
    await using store = await open();
    const slow = () =>
      sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select count(*) from n`.execute(
        store.database(),
      );
    let done = 0;
    let doneWhenFired: number | undefined;
    setTimeout(() => (doneWhenFired = done), 1);
    await Promise.all(Array.from({ length: 100 }, async () => (await slow(), done++)));
    expect(doneWhenFired).toBeLessThan(100);
  });

  test('rows are not streamed', async () => {
    await using store = await open();
    await store.migrate([fixtureTables]);
    const rows = store.database<FixtureTables>().selectFrom('counters').selectAll().stream();
    expect(await rejection(rows.next())).toHaveProperty('message', expect.stringMatching(/pages/));
  });
});

async function makeMemory(): Promise<TestDatabase> {
  const options = { file: ':memory:', synchronous: 'off', timeoutMs: 5_000, clock: systemClock, logger } as const;
  return { open: () => new SqliteStore(options), remove: async () => {} };
}

testStore('SqliteStore in memory', makeMemory, {
  skip: [
    {
      reason: 'there is one store on a database in memory',
      tests: [
        'what a transaction wrote is there when it resolves, for another process too',
        'transactions that count up at the same time get every number once, without a hole',
        'a statement outside of a transaction is written when it resolves',
        'transfers at random, some of which fail, keep the sum and lose none',
        'processes that migrate at the same time apply each once',
        'migrating beside a process that writes disturbs neither',
        'a notification reaches another process on the database',
        'what was begun before the stop is finished; what it told as written is written',
        'a database that is away rejects as unavailable, and works again when it is back',
        'an open transaction whose database goes away rejects, and has written nothing',
        'everything acknowledged is there after the database was killed while it wrote',
      ],
    },
    {
      reason: 'there is one connection, so who reads waits for transactions',
      tests: ['an open transaction holds up no reader, and shows nothing of itself'],
    },
  ],
});

/** The law of `Store` on a real PostgreSQL, with what only such a server can do: deadlocks, silence, a lost connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { createStore } from '../../packages/server/src/stores/create-store.ts';
import { StoreUnavailableError, type Store } from '../../packages/server/src/stores/store.ts';
import { rejection } from '../../packages/server/src/testing/store-fixture.ts';
import { testStore } from '../../packages/server/src/testing/store-suite.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';

/** Collects what is logged. */
class LogLines {
  text = '';
  write(line: string): void {
    this.text += line;
  }
}

const log = new LogLines();
const logger = createLogger('trace', log);

function storeAt(url: string, options: { timeout?: number; maxConnections?: number } = {}): Store {
  const store = { url, synchronous: 'full', maxConnections: 8, timeout: 5_000, migrate: 'auto', ...options } as const;
  return createStore({ store, dataDir: '' }, { clock: systemClock, logger });
}

async function started(url: string, options: Parameters<typeof storeAt>[1] = {}): Promise<Store & AsyncDisposable> {
  const store = storeAt(url, options);
  await store.start();
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.stop() });
}

describeWithPostgres('PostgreSQL', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    // A language whose order is not that of code points, so that the suite sees where it would show.
    server = await startPostgres({ locale: 'icu:en-US', settings: { deadlock_timeout: '20ms' } });
  });

  afterAll(async () => {
    await server?.stop();
  });

  beforeEach(async () => {
    await server.empty();
  });

  testStore('PostgresStore', async () => ({
    open: () => storeAt(server.url),
    outage: { begin: () => server.kill(), end: () => server.start() },
    remove: async () => {},
  }));

  test('of two transactions that wait for each other one is run again, and both are written', async () => {
    await using store = await started(server.url);
    const db = store.database<{ t: { id: number; n: number } }>();
    await sql`create table t (id bigint primary key, n bigint not null)`.execute(db);
    await sql`insert into t values (1, 0), (2, 0)`.execute(db);
    let runs = 0;
    const bothHold = Promise.withResolvers<void>();
    const add = (first: number, second: number) =>
      store.transaction<{ t: { id: number; n: number } }, void>(async (tx) => {
        runs++;
        await sql`update t set n = n + 1 where id = ${first}`.execute(tx);
        if (runs === 2) bothHold.resolve();
        await bothHold.promise;
        await sql`update t set n = n + 1 where id = ${second}`.execute(tx);
      });
    await Promise.all([add(1, 2), add(2, 1)]);
    // What is run again may be the first at its row once more, and then they wait for each other once more.
    expect(runs).toBeGreaterThanOrEqual(3);
    expect(await db.selectFrom('t').select('n').orderBy('id').execute()).toEqual([{ n: 2 }, { n: 2 }]);
  });

  test('a transaction that can never be serialized is given up after five further attempts', async () => {
    await using store = await started(server.url);
    let runs = 0;
    const error = await rejection(
      store.transaction(async (tx) => {
        runs++;
        await sql`do $$ begin raise exception 'again' using errcode = '40001'; end $$`.execute(tx);
      }),
    );
    expect(error.message).toBe('again');
    expect(runs).toBe(6);
  });

  test('a server that takes connections and does not answer is unavailable soon, and works when it answers again', async () => {
    await using store = await started(server.url, { timeout: 300 });
    await sql`create table t (n bigint)`.execute(store.database());
    server.freeze();
    try {
      const silent = await Promise.all([
        rejection(sql`select 1`.execute(store.database())),
        rejection(store.transaction(async (tx) => sql`insert into t values (1)`.execute(tx))),
        rejection(storeAt(server.url, { timeout: 300 }).start()),
      ]);
      for (const error of silent) expect(error).toBeInstanceOf(StoreUnavailableError);
    } finally {
      server.thaw();
    }
    await expect.poll(() => sql`select 1 as n`.execute(store.database()).then(({ rows }) => rows)).toEqual([{ n: 1 }]);
    const { rows } = await sql`select * from t`.execute(store.database());
    expect(rows).toEqual([]);
  });

  test('a server that no longer answers is noticed in the middle of a transaction that has rested', async () => {
    await using store = await started(server.url, { timeout: 300 });
    let isFrozen = false;
    try {
      const error = await rejection(
        store.transaction(async (tx) => {
          await sql`select 1`.execute(tx);
          // Longer than it takes to look twice who waits for an answer.
          await sleep(700);
          server.freeze();
          isFrozen = true;
          await sql`select 2`.execute(tx);
        }),
      );
      expect(error).toBeInstanceOf(StoreUnavailableError);
    } finally {
      if (isFrozen) server.thaw();
    }
  });

  test('a statement that takes too long is ended, also on the server; a migration may take longer', async () => {
    await using store = await started(server.url, { timeout: 250, maxConnections: 1 });
    expect(await rejection(sql`select pg_sleep(30)`.execute(store.database()))).toBeInstanceOf(StoreUnavailableError);
    const { rows } =
      await sql`select count(*) as n from pg_stat_activity where query like '%pg_sleep(30)%' and pid <> pg_backend_pid()
      and state = 'active'`.execute(store.database());
    expect(rows).toEqual([{ n: 0 }]);
    await store.migrate([
      { owner: 'slow', migrations: [{ id: '1', up: async (tx) => void (await sql`select pg_sleep(1)`.execute(tx)) }] },
    ]);
  });

  test('a plan made while a table is small is one for a large table', async () => {
    await using store = await started(server.url);
    const db = store.database();
    await sql`create table t (id text primary key)`.execute(db);
    await sql`insert into t values ('a')`.execute(db);
    await sql`vacuum analyze t`.execute(db);
    const { rows } =
      await sql`explain delete from t where id = any(array(select value from json_array_elements_text('["a"]')))`.execute(
        db,
      );
    expect(JSON.stringify(rows)).toMatch(/Index (Only )?Scan using t_pkey/);
    // Nor is a statement without an index compiled, however dear it looks.
    expect(JSON.stringify(await sql`explain analyze select id || '' from t`.execute(db))).not.toMatch(/JIT/);
  });

  test('more callers than connections wait for one', async () => {
    await using store = await started(server.url, { maxConnections: 2 });
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        sql<{ n: number }>`select cast(${i} as bigint) as n`.execute(store.database()),
      ),
    );
    expect(results.map(({ rows }) => rows[0]?.n)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    const { rows } = await sql`select count(*) as n from pg_stat_activity where application_name = 'tidings'
      and datname = current_database()`.execute(store.database());
    expect(rows).toEqual([{ n: 3 }]);
  });

  test('connections that somebody closed at the server do no harm to transactions that begin then', async () => {
    await using store = await started(server.url);
    const all = () =>
      Promise.all(Array.from({ length: 8 }, () => store.transaction(async (tx) => sql`select 1`.execute(tx))));
    await all();
    const told: string[] = [];
    store.onNotify('topic', (payload) => told.push(payload));
    await using other = await started(await server.createDatabase());
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tidings'
      and datname = 'tidings'`.execute(other.database());
    await all();
    await expect.poll(() => told).toEqual(['']);
  });

  test('after a restart in order it works at once', async () => {
    await using store = await started(server.url);
    await sql`create table t (n bigint)`.execute(store.database());
    await server.restart();
    await store.transaction(async (tx) => sql`insert into t values (1)`.execute(tx));
    expect((await sql`select n from t`.execute(store.database())).rows).toEqual([{ n: 1 }]);
  });

  test('an old plan fails no transaction', async () => {
    await using store = await started(server.url, { maxConnections: 1 });
    await sql`create table t (n bigint)`.execute(store.database());
    const read = () => store.transaction(async (tx) => (await sql`select * from t`.execute(tx)).rows);
    await sql`insert into t values (1)`.execute(store.database());
    for (let i = 0; i < 8; i++) expect(await read()).toEqual([{ n: 1 }]);
    const { rows } = await sql`select count(*) as n from pg_prepared_statements`.execute(store.database());
    expect(rows).toEqual([{ n: 1 }]);
    await sql`alter table t add column more bigint`.execute(store.database());
    expect(await read()).toEqual([{ n: 1, more: null }]);
  });

  test('arrays may be parameters', async () => {
    await using store = await started(server.url);
    const { rows } =
      await sql`select a, b from unnest(cast(${['x', null, 'ä"\\,{}']} as text[]), cast(${[1, 2n, true]} as bigint[])) as t(a, b)`.execute(
        store.database(),
      );
    expect(rows).toEqual([
      { a: 'x', b: 1 },
      { a: null, b: 2 },
      { a: 'ä"\\,{}', b: 1 },
    ]);
    expect(await rejection(sql`select ${['a\0']}`.execute(store.database()))).toBeInstanceOf(TypeError);
  });

  test('a wrong password, a wrong database and a wrong address are said, the password never', async () => {
    const wrong = new URL(server.url);
    const { password } = wrong;
    expect(password.length).toBeGreaterThan(5);
    const nobody = new URL(server.url);
    nobody.port = '1';
    const nowhere = new URL(server.url);
    nowhere.pathname = '/nowhere';
    wrong.password = 'very-secret';
    const errors = [];
    for (const url of [wrong, nobody, nowhere]) errors.push(await rejection(storeAt(url.href).start()));
    for (const error of errors) expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(errors.map(({ message }) => message)).toEqual([
      expect.stringMatching(/127\.0\.0\.1:\d+\/tidings.*password authentication failed/),
      expect.stringMatching(/127\.0\.0\.1:1\/tidings.*ECONNREFUSED/),
      expect.stringMatching(/\/nowhere.*does not exist/),
    ]);
    for (const url of ['postgres://u:very-secret@:x/', `mysql://u:very-secret@h/d`]) {
      errors.push(await rejection(Promise.resolve().then(() => storeAt(url))));
    }
    const said =
      errors.map((error) => JSON.stringify([error.message, error.stack, error, error.cause])).join('\n') + log.text;
    expect(said).not.toContain('very-secret');
    expect(said).not.toContain(password);
  });
});

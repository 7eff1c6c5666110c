/** The law of `Relation` for those whose facts lie in PostgreSQL. */
import { createLogger, createStore, systemClock, type Store } from '@tidings/server';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChangeLog } from '../../packages/server/src/rules/relations/change-log.ts';
import { relationMigrations } from '../../packages/server/src/rules/relations/migrations.ts';
import { testMirrors } from '../../packages/server/src/testing/mirror-suite.ts';
import { apiRelations, tableRelations, type StoreOpener } from '../../packages/server/src/testing/relation-stores.ts';
import { eventually, testRelation } from '../../packages/server/src/testing/relation-suite.ts';
import { FakeClock, type Clock } from '../../packages/server/src/lib/clock.ts';
import { configSchema } from '../../packages/server/src/config/schema.ts';
import { createRelations, type Relations } from '../../packages/server/src/rules/relations.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';

describeWithPostgres('relations on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ locale: 'icu:en-US' });
  });
  afterAll(async () => {
    await server?.stop();
  });

  const storeAt = (url: string): Store => {
    const store = { url, synchronous: 'full', maxConnections: 4, timeout: 5_000, migrate: 'auto' } as const;
    return createStore({ store, dataDir: '' }, { clock: systemClock, logger: createLogger('silent') });
  };
  const open: StoreOpener = async () => ({ store: storeAt(await server.createDatabase()), remove: async () => {} });

  testRelation('ApiRelation', apiRelations(open));
  testRelation('TableRelation', tableRelations(open));
  testMirrors('relations', async () => {
    const url = await server.createDatabase();
    return { open: () => storeAt(url), remove: async () => {} };
  });

  async function started(): Promise<Store & AsyncDisposable> {
    const store = storeAt(await server.createDatabase());
    await store.start();
    await store.migrate([relationMigrations]);
    return Object.assign(store, { [Symbol.asyncDispose]: () => store.stop() });
  }

  test('a change that is committed after a later one is not missed', async () => {
    await using store = await started();
    const log = new ChangeLog(store);
    const start = await log.position();
    const written = Promise.withResolvers<void>();
    const commit = Promise.withResolvers<void>();
    const slow = store.transaction<never, void>(async (tx) => {
      await log.add(tx, 'member', [['slow']]);
      written.resolve();
      await commit.promise;
    });
    await written.promise;
    await store.transaction<never, void>((tx) => log.add(tx, 'member', [['fast']]));
    const first = await log.read(start);
    expect(first.changes).toEqual([{ source: 'member', args: ['fast'] }]);
    // Not even when the log was trimmed meanwhile.
    await log.trim(first.position);
    commit.resolve();
    await slow;
    expect((await log.read(first.position)).changes).toEqual([{ source: 'member', args: ['slow'] }]);
  });

  const parameters = { room: 'string', user: 'string' };
  async function relationsOn(
    store: Store,
    table: string,
    columns: readonly string[],
    clock: Clock = systemClock,
  ): Promise<Relations> {
    const config = configSchema.parse({
      rules: { relations: { member: { parameters, from: 'table', table, columns: [...columns] } } },
    });
    const relations = createRelations(config, { store, clock, logger: createLogger('silent') });
    await relations.start();
    return relations;
  }

  test('TRUNCATE takes all facts away, and a schema, ids and odd names are no obstacle', async () => {
    await using store = await started();
    const db = store.database<never>();
    const user = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
    await sql`create schema app`.execute(db);
    await sql`create table app."Odd ""name" ("the room" varchar(9), "user" uuid)`.execute(db);
    await sql`insert into app."Odd ""name" values ('r', ${user})`.execute(db);
    const relations = await relationsOn(store, 'app.Odd "name', ['the room', 'user']);
    expect(relations.related('member', ['r', user])).toBe(true);
    await sql`insert into app."Odd ""name" values ('s', ${user})`.execute(db);
    await eventually(() => expect(relations.related('member', ['s', user])).toBe(true));
    await sql`truncate app."Odd ""name"`.execute(db);
    await eventually(() => expect(relations.related('member', ['r', user])).toBe(false));
    await relations.stop();
  });

  test('a role without rights on our tables, and with another search path, writes to its own as before', async () => {
    await using store = await started();
    const db = store.database<never>();
    await sql`create schema app`.execute(db);
    await sql`create table app.members (room text, user_id text, primary key (room, user_id))`.execute(db);
    const relations = await relationsOn(store, 'app.members', ['room', 'user_id']);
    const role = `writer_${process.pid}`;
    await sql`create role ${sql.id(role)}`.execute(db);
    await sql`grant usage on schema app to ${sql.id(role)}`.execute(db);
    await sql`grant insert on app.members to ${sql.id(role)}`.execute(db);
    await store.transaction<never, void>(async (tx) => {
      await sql`set local role ${sql.id(role)}`.execute(tx);
      await sql`set local search_path = app`.execute(tx);
      await sql`insert into members values ('r', 'u1')`.execute(tx);
    });
    await eventually(() => expect(relations.related('member', ['r', 'u1'])).toBe(true));
    await relations.stop();
  });

  test('a trigger tells at once: nobody has to look', async () => {
    await using store = await started();
    const db = store.database<never>();
    await sql`create table members (room text, user_id text)`.execute(db);
    // Its timers never fire.
    const relations = await relationsOn(store, 'members', ['room', 'user_id'], new FakeClock());
    await sql`insert into members values ('r', 'u1')`.execute(db);
    await eventually(() => expect(relations.related('member', ['r', 'u1'])).toBe(true));
    await relations.stop();
  });

  test('a start does not touch triggers that are there', async () => {
    await using store = await started();
    const db = store.database<never>();
    await sql`create table members (room text, user_id text)`.execute(db);
    const triggers = async () =>
      (
        await sql<{ oid: string }>`select oid::text from pg_trigger where tgname like 'tidings%' order by oid`.execute(
          db,
        )
      ).rows;
    await (await relationsOn(store, 'members', ['room', 'user_id'])).stop();
    const before = await triggers();
    expect(before).toHaveLength(3);
    await (await relationsOn(store, 'members', ['room', 'user_id'])).stop();
    expect(await triggers()).toEqual(before);
  });

  test('a table whose rows lie in tables that inherit from it is refused, as nothing can watch them', async () => {
    await using store = await started();
    const db = store.database<never>();
    await sql`create table people (room text, user_id text)`.execute(db);
    await sql`create table guests () inherits (people)`.execute(db);
    await expect(relationsOn(store, 'people', ['room', 'user_id'])).rejects.toThrow('"people" has tables that inherit');
  });

  test('rows of a table in partitions are watched, where partitions come later too', async () => {
    await using store = await started();
    const db = store.database<never>();
    await sql`create table parts (room text, user_id text) partition by list (room)`.execute(db);
    await sql`create table parts_a partition of parts for values in ('a')`.execute(db);
    const relations = await relationsOn(store, 'parts', ['room', 'user_id']);
    const becomes = (room: string, answer: boolean) =>
      eventually(() => expect(relations.related('member', [room, 'u'])).toBe(answer));
    await sql`create table parts_b partition of parts for values in ('b')`.execute(db);
    for (const room of ['a', 'b']) {
      await sql`insert into ${sql.id(`parts_${room}`)} values (${room}, 'u')`.execute(db);
      await becomes(room, true);
      await sql`delete from parts where room = ${room}`.execute(db);
      await becomes(room, false);
    }
    await relations.stop();
  });
});
